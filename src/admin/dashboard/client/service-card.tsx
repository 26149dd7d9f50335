import { Component, createRef, type JSX } from 'preact';
import { ENDPOINT_LABELS, EndpointRow, type Verb } from './endpoint-row.js';
import type { ServiceLine } from './fleet.js';
import { countText, rateText, shareText } from './format.js';

export interface ServiceCardProps {
  readonly line: ServiceLine;
  readonly onVerb: (service: string, address: string, verb: Verb) => void;
}

/** Cards whose numbers are worth redrawing: those in sight and one screen around. */
const nearby = new WeakMap<Element, (near: boolean) => void>();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) nearby.get(target)?.(isIntersecting);
  },
  { rootMargin: '100% 0px' },
);

/**
 * One service with its endpoints. With a hundred of them most are out of sight: those are drawn again only
 * when an endpoint comes, goes or changes its state, so that a second's counters cost what is seen.
 */
export class ServiceCard extends Component<ServiceCardProps> {
  readonly #element = createRef<HTMLElement>();
  #near = true;

  override componentDidMount(): void {
    const element = this.#element.current;
    if (element === null) return;
    nearby.set(element, (near) => {
      this.#near = near;
      if (near) this.forceUpdate();
    });
    watcher.observe(element);
  }

  override componentWillUnmount(): void {
    if (this.#element.current !== null) watcher.unobserve(this.#element.current);
  }

  override shouldComponentUpdate(next: ServiceCardProps): boolean {
    return this.#near || shapeOf(next.line) !== shapeOf(this.props.line);
  }

  readonly #onVerb = (address: string, verb: Verb): void => {
    this.props.onVerb(this.props.line.view.name, address, verb);
  };

  override render({ line }: ServiceCardProps): JSX.Element {
    const { view, endpoints } = line;
    const id = `service-${view.name}`;
    return (
      <section
        ref={this.#element}
        class="card service"
        id={id}
        aria-labelledby={`${id}-name`}
        style={{ '--rows': endpoints.length }}
      >
        <CardHead id={`${id}-name`} line={line} />
        {endpoints.length > 0 && (
          <table role="table" aria-labelledby={`${id}-name`}>
            <thead role="rowgroup">
              <tr role="row">
                {ENDPOINT_LABELS.map((label, index) => (
                  <th key={label} role="columnheader" scope="col" class={index > 1 ? 'number' : ''}>
                    {label}
                  </th>
                ))}
                <th role="columnheader" scope="col">
                  <span class="unseen">Action</span>
                </th>
              </tr>
            </thead>
            <tbody role="rowgroup">
              {endpoints.map((endpoint) => (
                <EndpointRow
                  key={endpoint.view.address}
                  service={view.name}
                  line={endpoint}
                  panicking={view.panicking}
                  onVerb={this.#onVerb}
                />
              ))}
            </tbody>
          </table>
        )}
      </section>
    );
  }
}

function CardHead({ id, line }: { readonly id: string; readonly line: ServiceLine }): JSX.Element {
  const { view, takingRequests, requestsPerSecond, failureShare } = line;
  const here = view.endpoints.length;
  return (
    <header>
      <h3 id={id}>{view.name}</h3>
      <p class={takingRequests === 0 ? 'taking bad' : takingRequests < here ? 'taking warn' : 'taking'}>
        {here === 0
          ? 'No endpoint is registered'
          : `${takingRequests} of ${countText(here, 'endpoint')} taking requests`}
      </p>
      {view.panicking && <p class="taking warn">Too few are well: all are used</p>}
      <p class="facts">
        <span>{rateText(requestsPerSecond)}/s</span>
        <span class={(failureShare ?? 0) > 0 ? 'bad' : ''}>{shareText(failureShare)} errors</span>
        <span>{view.balance}</span>
        {view.routes.length === 0 ? (
          <span>no route</span>
        ) : (
          view.routes.map((route) => <code key={route}>{route}</code>)
        )}
      </p>
    </header>
  );
}

/** What must be seen even by somebody who only searches the page. */
function shapeOf({ view, endpoints }: ServiceLine): string {
  return `${view.panicking}${endpoints.map((line) => `${line.view.address}${line.view.state}${line.view.notEligible}`)}`;
}
