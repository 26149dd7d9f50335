import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { Page } from 'playwright-core';
import { startAdmin } from '../../src/admin/server.js';
import { createJournal } from '../../src/observability/journal.js';
import { Browser, noBrowser } from '../support/browser.js';
import {
  endpointView,
  type FakeGateway,
  fakeGateway,
  membershipChange,
  registryView,
  serviceView,
} from '../support/fake-gateway.js';
import {
  excesses,
  injectScript,
  obstacles,
  pageWidth,
  runningAnimations,
  scrollFrames,
} from '../support/in-page.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const evil = `"><img src=x onerror="document.title='owned'"><script>document.title='owned'</script>`;

async function openAdmin(t: TestContext, gateway: FakeGateway): Promise<string> {
  const admin = await startAdmin({
    listen: { host: '127.0.0.1', port: 0 },
    views: gateway.views,
    actions: gateway.actions,
    journal: createJournal(gateway.hub),
    metricsText: async () => '',
    streamLimits: { changeMs: 50 },
  });
  t.after(() => admin.close());
  return admin.address;
}

/** Every state, a registry in trouble and a journal. */
function troubledGateway(): FakeGateway {
  const gateway = fakeGateway();
  gateway.services = [
    serviceView('goods', [
      endpointView('10.0.0.5:80'),
      endpointView('10.0.0.6:80', { state: 'draining', notEligible: 'draining: told so by an operator' }),
      endpointView('10.0.0.7:80', { state: 'ejected', notEligible: 'ejected: refused', failures: 9 }),
      endpointView('10.0.0.8:80', { state: 'stale' }),
    ]),
    serviceView('nothing-here', []),
  ];
  gateway.registries = [
    registryView({ invalidValues: [{ key: '/r/goods/x', reason: 'has no :port' }] }),
    registryView({ source: 'dc2', connected: false, lastError: 'reset', confirmedMsAgo: null, member: null }),
  ];
  return gateway;
}

describe('the dashboard in a browser', { skip: noBrowser, timeout: 180_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  async function open(t: TestContext, gateway: FakeGateway): Promise<{ page: Page; complaints: string[] }> {
    const opened = await browser.visit(await openAdmin(t, gateway));
    t.after(() => opened.page.close());
    await opened.page.getByText('Live', { exact: true }).waitFor();
    return opened;
  }

  test('keeps nobody out: axe finds nothing serious, in both themes and at 320 px', async (t) => {
    const { page } = await open(t, troubledGateway());
    await page.getByText('10.0.0.8:80').waitFor();
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 1280],
      ['light', 320],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      assert.deepEqual(await obstacles(page, AXE), [], `${colorScheme}, ${width} px`);
    }
  });

  test('fits 320 px and a wall screen without scrolling sideways', async (t) => {
    const gateway = troubledGateway();
    gateway.services = [
      serviceView(`long-${'x'.repeat(120)}`, [endpointView(`${'pod-'.repeat(20)}.cluster.local:8080`)]),
      ...gateway.services,
    ];
    const { page } = await open(t, gateway);
    for (const width of [320, 768, 1280, 3840]) {
      await page.setViewportSize({ width, height: 900 });
      const scrolled = await pageWidth(page);
      assert.ok(scrolled <= width, `${scrolled} at ${width}`);
    }
  });

  test('cuts nothing off from a service, however wide the window is', async (t) => {
    const gateway = fakeGateway();
    const measured = { inFlight: 120, latencyP50Ms: 189.4, latencyP99Ms: 989, weight: 100 };
    gateway.services = [
      serviceView('goods', [
        endpointView('10.0.0.15:18080', measured),
        endpointView('10.0.0.16:18080', {
          ...measured,
          state: 'draining',
          notEligible: 'draining: told so by an operator',
        }),
      ]),
      serviceView('user', [
        endpointView('[2001:db8:85a3:1:2:8a2e:370:7334]:8080', measured),
        endpointView('user-7d9f8b6c5d-x2x9z.user.svc.cluster.local:8080', {
          ...measured,
          latencyP99Ms: 12_345,
        }),
      ]),
    ];
    const { page } = await open(t, gateway);
    await page.getByText('10.0.0.16:18080').waitFor();
    const cutOff: string[] = [];
    for (let width = 320; width <= 1_600; width += 20) {
      await page.setViewportSize({ width, height: 1_200 });
      const pixels = await excesses(page, '.service');
      if (pixels.length > 0) cutOff.push(`${width} px: ${pixels}`);
    }
    assert.deepEqual(cutOff, []);
  });

  test('shows markup in names, addresses, reasons, keys and errors as the text that it is', async (t) => {
    const gateway = fakeGateway();
    gateway.services = [serviceView(evil, [endpointView(evil, { state: 'draining', notEligible: evil })])];
    const invalidValues = [{ key: evil, reason: evil }];
    gateway.registries = [registryView({ source: evil, member: evil, lastError: evil, invalidValues })];
    const { page, complaints } = await open(t, gateway);
    gateway.hub.announce('membership', membershipChange({ service: evil, address: evil }));
    await page.getByRole('listitem').getByText('joined').waitFor();
    await page.getByRole('heading', { name: evil, level: 3 }).first().waitFor();
    assert.equal(await page.title(), 'Watchgate');
    assert.equal(await page.locator('img').count(), 0);
    assert.deepEqual(complaints, []);
  });

  test('asks nobody but its gateway for anything', async (t) => {
    const asked: string[] = [];
    const { page } = await open(t, troubledGateway());
    page.on('request', (request) => asked.push(request.url()));
    await page.reload();
    await page.getByText('10.0.0.8:80').waitFor();
    const origin = new URL(page.url()).origin;
    assert.ok(asked.length >= 4);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith('data:')),
      [],
    );
  });

  test('runs nothing that is put into it: its policy refuses', async (t) => {
    const { page } = await open(t, fakeGateway());
    const refused = await injectScript(page, 'document.title = "owned"');
    assert.match(refused, /script|trusted-types/);
    assert.equal(await page.title(), 'Watchgate');
  });

  test('moves nothing for those who want no motion', async (t) => {
    const gateway = fakeGateway();
    const { page } = await open(t, gateway);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80'), endpointView('10.0.0.6:80')])];
    gateway.hub.announce('membership', membershipChange());
    await page.locator('tr.joined').waitFor();
    assert.equal(await runningAnimations(page), 0);
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    gateway.services = [serviceView('goods', [endpointView('10.0.0.5:80'), endpointView('10.0.0.7:80')])];
    gateway.hub.announce('membership', membershipChange());
    await page.locator('tr.joined', { hasText: '10.0.0.7:80' }).waitFor();
    assert.ok((await runningAnimations(page)) > 0);
  });

  test('finds what is looked for, and what needs attention', async (t) => {
    const gateway = troubledGateway();
    gateway.services = [...gateway.services, serviceView('user', [endpointView('10.0.1.5:80')])];
    const { page } = await open(t, gateway);
    const names = () => page.locator('.service h3').allInnerTexts();
    assert.deepEqual(await names(), ['goods', 'nothing-here', 'user']);
    await page.getByRole('searchbox').fill('10.0.1.');
    await page.getByText('1 of 3 services shown').waitFor({ state: 'attached' });
    assert.deepEqual(await names(), ['user']);
    await page.getByRole('searchbox').fill('');
    await page.getByLabel('Only what needs attention').check();
    await page.getByText('2 of 3 services shown').waitFor({ state: 'attached' });
    assert.deepEqual(await names(), ['goods', 'nothing-here']);
  });

  test('scrolls 100 services of 20 endpoints at the screen’s pace while every counter moves', async (t) => {
    const gateway = fakeGateway();
    const count = (requests: number) => {
      gateway.services = Array.from({ length: 100 }, (_, service) =>
        serviceView(
          `service-${String(service).padStart(3, '0')}`,
          Array.from({ length: 20 }, (_, index) =>
            endpointView(`10.0.${service}.${index}:80`, { requests, latencyEwmaMs: (requests % 7) + 1 }),
          ),
        ),
      );
    };
    count(0);
    const { page } = await open(t, gateway);
    await page.getByText('service-000').first().waitFor();
    let requests = 0;
    const moving = setInterval(() => {
      requests += 10;
      count(requests);
    }, 500);
    t.after(() => clearInterval(moving));
    // What else runs on this machine may take one scroll's frames from the page, but hardly three times.
    const medians: number[] = [];
    while (!medians.some((median) => median < 20) && medians.length < 3) {
      const frames = await scrollFrames(page, 150);
      medians.push(frames[Math.floor(frames.length / 2)] ?? Number.POSITIVE_INFINITY);
      t.diagnostic(
        `median frame ${medians.at(-1)?.toFixed(1)} ms, 95 % within ${frames[142]?.toFixed(1)} ms`,
      );
      await page.evaluate('scrollTo(0, 0)');
    }
    assert.ok(Math.min(...medians) < 20, `the median frames took ${medians} ms`);
  });
});

test('a browser without JavaScript sees the present moment', { skip: noBrowser }, async (t) => {
  const browser = await Browser.open({ javaScript: false });
  t.after(() => browser.close());
  const { page } = await browser.visit(await openAdmin(t, troubledGateway()));
  await page.getByRole('cell', { name: 'ejected: refused' }).waitFor();
});
