import { Component, type JSX } from 'preact';
import type { Explanation, PastExplanation } from '../../../core/explanation.js';
import {
  pastVerdictOf,
  requestFacts,
  serviceFacts,
  type Verdict,
  verdictOf,
} from '../../../core/explanation-words.js';
import { Block, Facts, Forwarded, PolicyBlocks } from './explanation-blocks.js';
import { EndpointsTable, PastEndpointsTable, RoutesTable } from './explanation-tables.js';
import { momentText } from './format.js';
import type { Answer } from './inquiry.js';

/** The answer to a question, and in a sentence for those who do not see it. */
export class ExplanationView extends Component<{ readonly answer: Answer | null }> {
  override shouldComponentUpdate({ answer }: { readonly answer: Answer | null }): boolean {
    return answer !== this.props.answer;
  }

  override render({ answer }: { readonly answer: Answer | null }): JSX.Element {
    const verdict = answer === null ? null : verdictOn(answer.explanation);
    return (
      <>
        <p class="unseen" role="status">
          {answer !== null && `${subjectOf(answer.explanation)} ${verdict?.text}`}
        </p>
        {answer !== null && verdict !== null && (
          <section class="answer" aria-labelledby="answer-title">
            <VerdictHead answer={answer} verdict={verdict} />
            {'at' in answer.explanation ? (
              <PastAnswer explanation={answer.explanation} />
            ) : (
              <PresentAnswer explanation={answer.explanation} />
            )}
          </section>
        )}
      </>
    );
  }
}

function verdictOn(explanation: Explanation | PastExplanation): Verdict {
  return 'at' in explanation ? pastVerdictOf(explanation) : verdictOf(explanation);
}

function subjectOf({ request }: Explanation | PastExplanation): string {
  return `${request.method} ${request.url}`;
}

interface VerdictProps {
  readonly answer: Answer;
  readonly verdict: Verdict;
}

function VerdictHead({ answer: { explanation, at }, verdict }: VerdictProps): JSX.Element {
  const moment = 'at' in explanation ? explanation.at : at;
  return (
    <header class={verdict.answeredByEndpoint ? 'good' : 'bad'}>
      <h3 id="answer-title">
        <code>{subjectOf(explanation)}</code> <span>{verdict.text}</span>
      </h3>
      <p class="faint">
        {'at' in explanation ? 'At' : 'As of'}{' '}
        <time dateTime={new Date(moment).toISOString()}>{momentText(moment)}</time>
      </p>
    </header>
  );
}

function PresentAnswer({ explanation }: { readonly explanation: Explanation }): JSX.Element {
  const { service, endpoints, forwarded, policy, retries, routes, request, path, pick } = explanation;
  return (
    <>
      <div class="blocks">
        <Block title="Request">
          <Facts facts={requestFacts(explanation)} />
        </Block>
        {service !== null && (
          <Block title={`Service ${service.name}`}>
            <Facts facts={serviceFacts(service)} />
          </Block>
        )}
      </div>
      <RoutesTable routes={routes} />
      {service !== null && <EndpointsTable endpoints={endpoints} panicking={service.panicking} pick={pick} />}
      {policy !== null && (
        <div class="blocks">
          {forwarded !== null && <Forwarded method={request.method} forwarded={forwarded} path={path} />}
          <PolicyBlocks policy={policy} service={service} retries={retries} />
        </div>
      )}
    </>
  );
}

function PastAnswer({ explanation }: { readonly explanation: PastExplanation }): JSX.Element {
  const { service, endpoints, policy, retries, routes, configuration } = explanation;
  return (
    <>
      <div class="blocks">
        <Block title="Request">
          <Facts facts={requestFacts(explanation)} />
        </Block>
        <Block title="Configuration">
          <Facts
            facts={[
              ['generation', String(configuration.generation)],
              ['in force', `since ${momentText(configuration.routesSince)}`],
            ]}
          />
        </Block>
      </div>
      <RoutesTable routes={routes} />
      {service !== null && <PastEndpointsTable service={service} endpoints={endpoints} />}
      {policy !== null && (
        <div class="blocks">
          <PolicyBlocks policy={policy} service={null} retries={retries} />
        </div>
      )}
    </>
  );
}
