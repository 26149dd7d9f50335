import { Component, type JSX } from 'preact';
import type { RouteView } from '../../../core/views.js';
import { Banners } from './banners.js';
import { ConfirmDrain } from './confirm-drain.js';
import type { Dashboard, Picture } from './dashboard.js';
import type { Verb } from './endpoint-row.js';
import { ExplainBox } from './explain-box.js';
import { needsAttention, type ServiceLine } from './fleet.js';
import { countText } from './format.js';
import { Header } from './header.js';
import { JournalList } from './journal-list.js';
import { urlOnRoute } from './question.js';
import { RegistryCard } from './registry-card.js';
import { RouteTable } from './route-table.js';
import { ServiceCard } from './service-card.js';
import { TokenForm } from './token-form.js';

interface PageProps {
  readonly dashboard: Dashboard;
  readonly picture: Picture;
}

interface PageState {
  readonly filter: string;
  readonly onlyTroubled: boolean;
  /** The endpoint that is drained when somebody says that this is meant. */
  readonly asked: { readonly service: string; readonly address: string } | null;
}

export class Page extends Component<PageProps, PageState> {
  override state: PageState = { filter: '', onlyTroubled: false, asked: null };

  readonly #onVerb = (service: string, address: string, verb: Verb): void => {
    const line = this.props.picture.services.find(({ view }) => view.name === service);
    const taking = line?.endpoints.filter(({ view }) => view.notEligible === null) ?? [];
    const isLast = taking.length === 1 && taking[0]?.view.address === address;
    if (verb === 'drain' && isLast) this.setState({ asked: { service, address } });
    else void this.props.dashboard.drain(service, address, verb);
  };

  readonly #onAnswer = (confirmed: boolean): void => {
    const { asked } = this.state;
    this.setState({ asked: null });
    if (confirmed && asked !== null) void this.props.dashboard.drain(asked.service, asked.address, 'drain');
  };

  readonly #onExplain = (route?: RouteView): void => {
    this.props.dashboard.inquiry.open(route === undefined ? {} : { url: urlOnRoute(route) });
  };

  override render({ dashboard, picture }: PageProps, { asked }: PageState): JSX.Element {
    const { connection } = picture;
    return (
      <div class="page" data-connection={connection.kind}>
        <Header picture={picture} onExplain={() => this.#onExplain()} />
        <Banners picture={picture} onDismiss={() => dashboard.dismiss()} />
        {connection.kind === 'locked' ? (
          <main>
            <TokenForm wrong={connection.wrong} onToken={(token) => dashboard.unlock(token)} />
          </main>
        ) : (
          picture.readiness !== null && this.#content(picture)
        )}
        {asked !== null && <ConfirmDrain {...asked} onAnswer={this.#onAnswer} />}
      </div>
    );
  }

  #content({ services, registries, snapshotAgeMs, journal, routes, inquiry }: Picture): JSX.Element {
    const shown = services.filter((line) => this.#matches(line));
    return (
      <main class="columns">
        {inquiry.open && <ExplainBox inquiry={this.props.dashboard.inquiry} state={inquiry} />}
        <section class="services" aria-labelledby="services-title">
          <div class="title">
            <h2 id="services-title">
              Services{' '}
              {shown.length < services.length && (
                <small>
                  {shown.length} of {services.length}
                </small>
              )}
            </h2>
            {this.#filters(services.length, shown.length)}
          </div>
          <div class="cards">
            {shown.map((line) => (
              <ServiceCard key={line.view.name} line={line} onVerb={this.#onVerb} />
            ))}
            {shown.length === 0 && (
              <p class="faint empty">
                {services.length === 0
                  ? 'No service is registered, and no route leads to one.'
                  : 'None matches.'}
              </p>
            )}
          </div>
        </section>
        <aside class="side" aria-label="Registries and journal">
          <h2>{registries.length === 1 ? 'Registry' : 'Registries'}</h2>
          {registries.map((registry) => (
            <RegistryCard key={registry.source} registry={registry} ageMs={snapshotAgeMs} />
          ))}
          <h2>Journal</h2>
          <JournalList entries={journal} />
        </aside>
        <section class="routing" aria-labelledby="routes-title">
          <h2 id="routes-title">Routes</h2>
          {routes.length === 0 ? (
            <p class="faint empty">There are none.</p>
          ) : (
            <RouteTable routes={routes} onExplain={this.#onExplain} />
          )}
        </section>
      </main>
    );
  }

  #filters(all: number, shown: number): JSX.Element {
    const { filter, onlyTroubled } = this.state;
    return (
      <search class="filters">
        <input
          type="search"
          aria-label="Filter services by name, address or route"
          placeholder="Filter by name, address, route"
          value={filter}
          onInput={(event) => this.setState({ filter: event.currentTarget.value })}
        />
        <label>
          <input
            type="checkbox"
            checked={onlyTroubled}
            onInput={(event) => this.setState({ onlyTroubled: event.currentTarget.checked })}
          />
          Only what needs attention
        </label>
        <span class="unseen" role="status">
          {shown === all ? '' : `${shown} of ${countText(all, 'service')} shown`}
        </span>
      </search>
    );
  }

  #matches(line: ServiceLine): boolean {
    const { filter, onlyTroubled } = this.state;
    if (onlyTroubled && !needsAttention(line)) return false;
    const wanted = filter.trim().toLowerCase();
    if (wanted === '') return true;
    const { name, routes } = line.view;
    const addresses = line.endpoints.map(({ view }) => view.address);
    return [name, ...routes, ...addresses].some((text) => text.toLowerCase().includes(wanted));
  }
}
