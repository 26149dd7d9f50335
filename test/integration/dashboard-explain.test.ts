import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, describe, type TestContext, test } from 'node:test';
import { Browser, noBrowser } from '../support/browser.js';
import { DashboardStage } from '../support/dashboard-stage.js';
import { etcdVersions } from '../support/etcd-server.js';
import { ExplainBox } from '../support/explain-box.js';
import { countDrawings, obstacles, pageWidth } from '../support/in-page.js';
import { startPrefixProxy } from '../support/prefix-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const version = etcdVersions.at(-1);
const skip = noBrowser || (version === undefined ? 'there is no etcd here' : false);

const moreRoutes = `
  - prefix: /goods/admin
    service: nothing-here
  - prefix: /wares
    rewritePrefix: /goods
    service: goods
    host: shop.example`;

describe('a request explained on the page', { skip, timeout: 180_000 }, () => {
  let browser: Browser;
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  async function visit(t: TestContext, address: string): Promise<{ box: ExplainBox; complaints: string[] }> {
    const { page, complaints } = await browser.visit(address);
    t.after(() => page.close());
    await page.getByText('Live', { exact: true }).waitFor();
    return { box: new ExplainBox(page), complaints };
  }

  async function open(t: TestContext, more = moreRoutes) {
    const stage = await DashboardStage.start(t, version ?? '3.5', more);
    const pod = await stage.pod();
    const { box, complaints } = await visit(t, stage.gateway.adminAddress);
    await box.page.getByText('1 of 1 endpoint taking requests').waitFor();
    await box.open();
    return { stage, pod, box, complaints };
  }

  test('names the endpoint it goes to, the routes it fits or not, and what would be sent', async (t) => {
    const { pod, box, complaints } = await open(t);
    await box.ask({
      Method: 'put',
      URL: '/wares/7?page=2',
      'Headers, one a line': 'Host: shop.example\n\nX-One: 1',
      'Client address': '10.0.0.9',
    });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    assert.match(await box.verdict.innerText(), /^PUT \/wares\/7\?page=2/);
    assert.match(await box.row('shop.example/wares').innerText(), /yes\s+the most specific that fits/);
    assert.match(await box.row('/goods').innerText(), /no\s+\/wares\/7 is not \/goods or below it/);
    assert.match(await box.row(pod.address).innerText(), /up\s+0\s+100 %\s+new/);
    const sent = await box.answer.locator('.wire').innerText();
    assert.match(
      sent,
      /^PUT \/goods\/7\?page=2\nHost: shop\.example\nX-One: 1\nX-Forwarded-For: 10\.0\.0\.9\n/,
    );
    await box.answer.getByText('The path was /wares/7 before the route rewrote it.').waitFor();
    for (const [term, text] of [
      ['client', '10.0.0.9'],
      ['balance', /^least-loaded: /],
      ['total', '1 m'],
      ['replay', '64 KiB'],
      ['the response is not valid HTTP', 'tried at another endpoint'],
    ] as const) {
      const fact = box.answer.locator('dl > div').filter({ has: box.page.getByText(term, { exact: true }) });
      await fact.getByRole('definition').filter({ hasText: text }).waitFor();
    }
    assert.deepEqual(complaints, []);
  });

  test('tells what the gateway would answer itself, and the reason that clients are not told', async (t) => {
    const { box } = await open(t);
    await box.ask({ URL: '/elsewhere' });
    await box.verdict.getByText('404 NO_ROUTE: no route is for GET /elsewhere at localhost').waitFor();
    assert.equal(await box.answer.getByText('If it fails').count(), 0);
    await box.ask({ URL: '/goods/admin/x' });
    await box.verdict.getByText('503 NO_ENDPOINT: the registry lists no endpoint of the service').waitFor();
    await box.answer.getByText('If it fails (at most 3 attempts)').waitFor();
  });

  test('says at which field a question is wrong, and keeps the answer before', async (t) => {
    const { pod, box } = await open(t);
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    const wrong: readonly (readonly [string, string, string])[] = [
      ['Headers, one a line', 'Host: a\n\nnocolon', 'Line 3 of the headers is not "name: value".'],
      ['URL', 'goods', 'The URL is neither a path nor an http URL, without spaces.'],
      ['Method', 'FETCH', 'The method is none that HTTP/1.1 servers know: FETCH.'],
      ['Client address', 'localhost', 'The client is not an IP address.'],
      [
        'At a past moment',
        'yesterday',
        'The moment is neither a time such as 11:47:00, a duration such as 10m, nor an ISO 8601 time.',
      ],
      ['At a past moment', '2126-01-02T11:47:00Z', 'The moment is in the future.'],
    ];
    for (const [label, text, complaint] of wrong) {
      const before = await box.field(label).inputValue();
      await box.ask({ [label]: text });
      await box.complaint.getByText(complaint, { exact: true }).waitFor();
      assert.equal(await box.field(label).getAttribute('aria-invalid'), 'true');
      assert.equal(await box.page.locator('[aria-invalid=true]').count(), 1);
      await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
      await box.field(label).fill(before);
    }
    await box.ask({ 'At a past moment': '2000-01-01T00:00:00Z' });
    await box.complaint
      .getByText(/ is not known; the routes and the journal of this gateway reach back to /)
      .waitFor();
    await box.ask({ 'At a past moment': '' });
    await box.complaint.getByText(/./).waitFor({ state: 'detached' });
    assert.equal(await box.page.locator('[aria-invalid=true]').count(), 0);
  });

  test('tells of a past moment with the endpoint that has left since', async (t) => {
    const { stage, pod, box } = await open(t);
    const leaver = await stage.pod();
    await box.page.getByText('2 of 2 endpoints taking requests').waitFor();
    const then = new Date().toISOString();
    await leaver.stop();
    await box.page.getByText('1 of 1 endpoint taking requests').waitFor();
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    assert.equal(await box.row(leaver.address).count(), 0);
    await box.ask({ 'At a past moment': then });
    await box.verdict.getByText('went to one of 2 endpoints').waitFor();
    assert.match(
      await box.row(leaver.address).innerText(),
      /up\s+yes\s+\d\d:\d\d:\d\d joined registered; 2 endpoints/,
    );
    assert.match(await box.row('/goods').innerText(), /yes/);
    assert.equal(await box.answer.getByText('Forwarded').count(), 0);
  });

  test('is begun from a route, and ended, by keyboard', async (t) => {
    const { pod, box } = await open(t);
    const { page } = box;
    await page.getByRole('button', { name: 'Close' }).press('Enter');
    await box.field('URL').waitFor({ state: 'detached' });
    assert.equal(await page.locator(':focus').getAttribute('id'), 'explain-open');
    await page.getByRole('button', { name: 'explain a request to shop.example/wares' }).press('Enter');
    assert.equal(await box.field('URL').inputValue(), 'http://shop.example/wares');
    await page.keyboard.type('/7');
    await page.keyboard.press('Enter');
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    const told = page
      .getByRole('status')
      .filter({ hasText: `GET http://shop.example/wares/7 goes to ${pod.address}` });
    await told.waitFor({ state: 'attached' });
  });

  test('asks with the token, and for it when the gateway wants another, and then goes on', async (t) => {
    const stage = await DashboardStage.start(t, version ?? '3.5', 'adminToken: s3cret');
    const pod = await stage.pod();
    const { page } = await browser.visit(stage.gateway.adminAddress);
    t.after(() => page.close());
    const box = new ExplainBox(page);
    const unlock = async () => {
      await page.getByLabel('Admin token', { exact: true }).fill('s3cret');
      await page.keyboard.press('Enter');
      await page.getByText('1 of 1 endpoint taking requests').waitFor();
    };
    await unlock();
    await box.open();
    const asked = page.waitForRequest(/api\/explain/);
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    assert.ok(!(await asked).url().includes('s3cret'));
    await page.route('**/api/explain*', (route) => route.continue({ headers: { accept: '*/*' } }));
    await box.ask({ URL: '/elsewhere' });
    await page.getByText('That token is not right.').waitFor();
    await page.unroute('**/api/explain*');
    await unlock();
    await box.verdict.getByText('404 NO_ROUTE').waitFor();
    assert.equal(await box.field('URL').inputValue(), '/elsewhere');
  });

  test('says that the gateway cannot be reached, loses nothing, and works again when it can', async (t) => {
    const { stage, pod } = await open(t);
    const way = await startTcpProxy(new URL(stage.gateway.adminAddress).host);
    t.after(() => way.close());
    const { box } = await visit(t, `http://${way.address}`);
    await box.open();
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    way.cut();
    await box.ask({ URL: '/elsewhere' });
    await box.complaint.getByText('The gateway cannot be reached.').waitFor();
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
    way.mend();
    await box.page.getByText('Live', { exact: true }).waitFor();
    await box.ask({});
    await box.verdict.getByText('404 NO_ROUTE').waitFor();
    assert.equal(await box.complaint.innerText(), '');
  });

  test('works below any path of a proxy, as the page does', async (t) => {
    const { stage, pod } = await open(t);
    const { box } = await visit(t, await startPrefixProxy(t, '/ops/gateway', stage.gateway.adminAddress));
    await box.open();
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText(`goes to ${pod.address}`).waitFor();
  });

  test('keeps nobody out and fits 320 px, in both themes', async (t) => {
    const { box, stage } = await open(t);
    const { page } = box;
    const long = 'x'.repeat(200);
    await box.ask({ URL: `/goods/${long}`, 'Headers, one a line': `X-Long: ${long}\nHost: ${long}.example` });
    await box.answer.getByText('If it fails').waitFor();
    const then = Date.now();
    for (const at of ['', String(new Date(then).toISOString())]) {
      await box.ask({ 'At a past moment': at });
      await box.verdict.getByText(at === '' ? 'goes to' : 'went to').waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [320, 768, 1440, 3840]) {
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          await page.setViewportSize({ width, height: 900 });
          const scrolled = await pageWidth(page);
          assert.ok(scrolled <= width, `${scrolled} at ${width}`);
          if (width < 2_000) assert.deepEqual(await obstacles(page, AXE), [], `${colorScheme}, ${width} px`);
        }
      }
    }
    assert.deepEqual(await stage.requests(1), [200]);
  });

  test('is not drawn again with what moves elsewhere on the page', async (t) => {
    const { box, stage } = await open(t);
    await box.ask({ URL: '/goods/1' });
    await box.verdict.getByText('goes to').waitFor();
    const drawings = await countDrawings(box.page, '.explain [name=url]');
    await stage.requests(20);
    const rate = box.page.locator('[data-label="Requests/s"]').first();
    await rate.getByText(/^[1-9]/).waitFor();
    assert.equal(await drawings(), 0);
    await box.field('URL').fill('/goods/2');
    assert.ok((await drawings()) > 0);
  });
});
