import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createContext, Script } from 'node:vm';
import { PAGE_SCRIPT_TEXT } from '../../src/admin/dashboard/page.js';
import { type AdminServer, startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import {
  endpointView,
  type FakeGateway,
  fakeGateway,
  membershipChange,
  registryView,
  serviceView,
} from '../support/fake-gateway.js';
import { SmallDocument } from '../support/small-document.js';

const TOKEN = 's3cret';
const IDS = ['connection', 'unlock', 'token', 'content', 'readiness', 'services', 'registries'];

async function openAdmin(
  t: TestContext,
  gateway: FakeGateway,
  port = 0,
  token?: string,
): Promise<AdminServer> {
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port },
    token,
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => '',
    streamLimits: { changeMs: 10 },
  });
  t.after(() => admin.close());
  return admin;
}

/** Runs the page's script as a browser would, on a document of the few things that it touches. */
function openPage(t: TestContext, admin: AdminServer): SmallDocument {
  const document = new SmallDocument(IDS);
  const closed = new AbortController();
  t.after(() => closed.abort());
  const kept = new Map<string, string>();
  const browser = {
    document,
    sessionStorage: {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
    },
    fetch: (path: string, { signal, ...init }: RequestInit) =>
      fetch(`${admin.address}/${path}`, {
        ...init,
        signal: AbortSignal.any([closed.signal, ...(signal ? [signal] : [])]),
      }),
    // A closed page runs no timers.
    setTimeout: (task: () => void, ms: number) =>
      setTimeout(() => !closed.signal.aborted && task(), ms).unref(),
    clearTimeout,
    AbortController,
    TextDecoderStream,
  };
  new Script(PAGE_SCRIPT_TEXT).runInContext(createContext(browser));
  return document;
}

/** What a person reads in the page that the server renders. */
async function servedText(admin: AdminServer, id: string): Promise<string> {
  const page = await (await fetch(`${admin.address}/`)).text();
  const from = page.slice(page.indexOf(`<div id="${id}">`));
  const end = id === 'services' ? from.indexOf('<h2>') : from.indexOf('</main>');
  return from
    .slice(0, end)
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

describe('the page in a browser', { timeout: 20_000 }, () => {
  test('draws what the server draws', async (t) => {
    const gateway = fakeGateway();
    gateway.services = [
      serviceView('goods', [
        endpointView('10.0.0.5:80', { inFlight: 1, requests: 2, failures: 3, latencyEwmaMs: 4.56 }),
        endpointView('10.0.0.6:80', { state: 'draining', notEligible: 'told to leave' }),
      ]),
      serviceView('empty', []),
    ];
    const invalidValues = [{ key: '/r/goods/x', reason: 'has no :port' }];
    gateway.registries = [
      registryView({ invalidValues, lastError: 'reset' }),
      registryView({ source: 'dc2', connected: false, confirmedMsAgo: null, member: null }),
    ];
    const admin = await openAdmin(t, gateway);
    const document = openPage(t, admin);
    await document.until(
      () => document.byId('connection').textContent === 'Live.' && document.byId('services').text() !== '',
    );
    assert.equal(document.byId('services').text(), await servedText(admin, 'services'));
    assert.equal(document.byId('registries').text(), await servedText(admin, 'registries'));
    assert.equal(document.byId('readiness').textContent, 'Ready.');
  });

  test('follows changes, and leaves alone what did not change', async (t) => {
    const gateway = fakeGateway();
    gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80')]), serviceView('user', [])];
    const document = openPage(t, await openAdmin(t, gateway));
    const services = document.byId('services');
    await document.until(() => services.text().includes('10.0.0.5:80'));
    const untouched = services.children[1];
    gateway.services = [
      serviceView('another', []),
      serviceView('goods', [endpointView('10.0.0.9:80')]),
      serviceView('user', []),
    ];
    gateway.hub.announce('membership', membershipChange());
    await document.until(() => services.text().includes('10.0.0.9:80'));
    assert.match(services.text(), /^another .* goods .* user /);
    assert.doesNotMatch(services.text(), /10\.0\.0\.5/);
    assert.equal(services.children.length, 3);
    assert.equal(services.children[2], untouched);
    gateway.services = [];
    gateway.hub.announce('membership', membershipChange());
    await document.until(() => services.text() === 'None.');
  });

  test('says that the stream is cut and comes back by itself', async (t) => {
    const gateway = fakeGateway();
    const admin = await openAdmin(t, gateway);
    const document = openPage(t, admin);
    const line = document.byId('connection');
    await document.until(() => line.textContent === 'Live.');
    await admin.close();
    await document.until(() => line.textContent.startsWith('Connection lost at '));
    assert.equal(line.dataset['live'], 'no');
    assert.match(document.byId('services').text(), /10\.0\.0\.5:80/);
    await openAdmin(t, gateway, Number(new URL(admin.address).port));
    await document.until(() => line.textContent === 'Live.');
  });

  test('asks for the token, says when it is wrong, and shows all with the right one', async (t) => {
    const document = openPage(t, await openAdmin(t, fakeGateway(), 0, TOKEN));
    const [line, form] = [document.byId('connection'), document.byId('unlock')];
    const submit = (token: string) => {
      document.byId('token').value = token;
      form.emit('submit');
    };
    await document.until(() => line.textContent === 'This page needs the admin token.');
    assert.equal(form.hidden, false);
    submit('wrong');
    await document.until(() => line.textContent === 'That token is not right.');
    submit(TOKEN);
    await document.until(() => line.textContent === 'Live.' && document.byId('services').text() !== '');
    assert.equal(form.hidden, true);
    assert.equal(document.byId('content').hidden, false);
  });
});
