import type { ComponentChildren, JSX } from 'preact';
import type { ExplainedRetry, ExplainedService, Explanation } from '../../../core/explanation.js';
import { type Fact, retryFacts, sizes, timeouts } from '../../../core/explanation-words.js';
import type { RequestPolicy } from '../../../core/route.js';
import { countText, durationText, sizeText } from './format.js';

interface BlockProps {
  readonly title: string;
  /** Whether it is so long that two others fit beside it. */
  readonly tall?: boolean;
  readonly children: ComponentChildren;
}

export function Block({ title, tall = false, children }: BlockProps): JSX.Element {
  return (
    <section class={tall ? 'tall' : ''}>
      <h4>{title}</h4>
      {children}
    </section>
  );
}

interface FactsProps {
  readonly facts: readonly Fact[];
  /** Whether the terms are longer than what is said of them. */
  readonly longTerms?: boolean;
}

export function Facts({ facts, longTerms = false }: FactsProps): JSX.Element {
  return (
    <dl class={longTerms ? 'terms long' : 'terms'}>
      {facts.map(([term, text]) => (
        <div key={term}>
          <dt>{term}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

interface ForwardedProps {
  readonly method: string;
  readonly forwarded: NonNullable<Explanation['forwarded']>;
  readonly path: string | null;
}

/** The head that the endpoint would be sent. */
export function Forwarded({ method, forwarded: { target, headers }, path }: ForwardedProps): JSX.Element {
  const rewritten = path !== null && target.replace(/\?.*$/s, '') !== path;
  return (
    <Block title="Forwarded" tall>
      <pre class="wire">
        {`${method} ${target}\n`}
        {headers.map(({ name, value }, index) => (
          // A field may be there twice with the same value.
          <span key={`${index} ${name}`}>
            <span class="faint">{name}:</span> {`${value}\n`}
          </span>
        ))}
      </pre>
      {rewritten && <p class="faint">The path was {path} before the route rewrote it.</p>}
    </Block>
  );
}

interface PolicyProps {
  readonly policy: RequestPolicy;
  readonly service: ExplainedService | null;
  readonly retries: readonly ExplainedRetry[];
}

/** What applies to the request on its way. */
export function PolicyBlocks({ policy, service, retries }: PolicyProps): JSX.Element {
  const limits: Fact[] = [
    ...timeouts(policy, service).map(([term, ms]): Fact => [term, durationText(ms)]),
    ...sizes(policy).map(([term, bytes]): Fact => [term, sizeText(bytes)]),
  ];
  return (
    <>
      <Block title="Timeouts and sizes">
        <Facts facts={limits} />
      </Block>
      <Block title={`If it fails (at most ${countText(policy.maxAttempts, 'attempt')})`}>
        <Facts facts={retryFacts(retries)} longTerms />
      </Block>
    </>
  );
}
