import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { Browser, noBrowser } from '../support/browser.js';
import { DashboardStage } from '../support/dashboard-stage.js';
import { etcdVersions } from '../support/etcd-server.js';
import { colourless, watchForState } from '../support/in-page.js';
import { startTcpProxy } from '../support/tcp-proxy.js';

const version = etcdVersions.at(-1);
const skip = noBrowser || (version === undefined ? 'there is no etcd here' : false);

/** So that requests meet every endpoint, whatever is drawn. */
const inTurn = 'defaults: { balance: round-robin }';

function row(page: Page, address: string): Locator {
  return page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: address, exact: true }) });
}

/**
 * What holds the page to a second, or keeps the processor busy, is done alone: on two cores another page
 * would take that second from it. Waiting for a lease or for a row to fade need not be.
 */
function oneAfterAnother(): <T>(action: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const mine = last.then(action);
    last = mine.catch(() => undefined);
    return mine;
  };
}

describe('the dashboard of a gateway with etcd', { skip, concurrency: 5, timeout: 180_000 }, () => {
  let browser: Browser;
  const alone = oneAfterAnother();
  before(async () => {
    browser = await Browser.open();
  });
  after(() => browser?.close());

  test('shows goods go from 3 to 4 to 3 within a second of each change', async (t) => {
    const { page, complaints, fourth } = await alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5');
      const pods = [await stage.pod(), await stage.pod(), await stage.pod()];
      const { page, complaints } = await browser.visit(stage.gateway.adminAddress);
      t.after(() => page.close());
      await page.getByText('3 of 3 endpoints taking requests').waitFor();
      for (const { address } of pods) await row(page, address).getByText('up', { exact: true }).waitFor();

      const fourth = await stage.pod();
      await page.getByText('4 of 4 endpoints taking requests').waitFor({ timeout: 1_000 });
      const journal = page.getByRole('list', { name: /Journal/ });
      await journal.getByText(`goods ${fourth.address}`).first().waitFor();
      assert.equal(await row(page, fourth.address).getAttribute('class'), 'joined');

      const seenGone = await watchForState(page, fourth.address, 'gone');
      const leaving = Date.now();
      await fourth.stop();
      await page.getByText('3 of 3 endpoints taking requests').waitFor();
      const goneAt = await seenGone();
      assert.ok(
        goneAt !== null && goneAt - leaving < 1_000,
        `gone was shown after ${(goneAt ?? 0) - leaving} ms`,
      );
      return { page, complaints, fourth };
    });
    await row(page, fourth.address).waitFor({ state: 'detached' });
    assert.deepEqual(complaints, []);
  });

  test('shows a killed one ejected at the first refused connection, and gone when its lease ends', async (t) => {
    const { page, well, killed } = await alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5', inTurn);
      const well = await stage.pod();
      await stage.pod();
      const { page } = await browser.visit(stage.gateway.adminAddress);
      t.after(() => page.close());
      await page.getByText('2 of 2 endpoints taking requests').waitFor();
      // All that follows must be seen before this lease ends.
      const killed = await stage.mortalPod(5);
      await page.getByText('3 of 3 endpoints taking requests').waitFor();
      const seenEjected = await watchForState(page, killed.address, 'ejected');
      killed.kill();
      const statuses = await stage.requests(12);
      const asked = Date.now();
      await row(page, killed.address).getByText('ejected', { exact: true }).waitFor();
      await row(page, killed.address).getByText('refused').waitFor();
      const ejectedAt = await seenEjected();
      assert.ok(ejectedAt !== null && ejectedAt - asked < 1_000);
      assert.deepEqual(new Set(statuses), new Set([200]));
      return { page, well, killed };
    });
    await row(page, killed.address).waitFor({ state: 'detached' });
    await page.getByText('2 of 2 endpoints taking requests').waitFor();
    const requests = row(page, well.address).locator('[data-label="Requests/s"]');
    assert.match(await requests.innerText(), /^\d/);
  });

  test('shows endpoints held that the registry lost all at once, and goes on using them while they answer', (t) =>
    alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5');
      const pods = [await stage.mortalPod(600), await stage.mortalPod(600), await stage.mortalPod(600)];
      const { page } = await browser.visit(stage.gateway.adminAddress);
      t.after(() => page.close());
      await page.getByText('3 of 3 endpoints taking requests').waitFor();
      const held = ({ address }: { readonly address: string }) =>
        row(page, address).getByText('held', { exact: true });
      await Promise.all(pods.map((pod) => pod.lapse()));
      for (const pod of pods) await held(pod).waitFor();
      await row(page, pods[0]?.address ?? '')
        .getByText(/^lost (most|the last|much) of the (service|registry)$/)
        .waitFor();
      await page.getByText('3 of 3 endpoints taking requests').waitFor();
      assert.deepEqual(new Set(await stage.requests(6)), new Set([200]));
      const journal = page.getByRole('list', { name: /Journal/ });
      await journal.getByText(`now stale goods ${pods[0]?.address}`).first().waitFor();

      pods[0]?.kill();
      await page.getByText('2 of 2 endpoints taking requests').waitFor();
      await row(page, pods[0]?.address ?? '').waitFor({ state: 'detached' });
      for (const pod of pods.slice(1)) assert.equal(await held(pod).count(), 1);
      const latency = row(page, pods[1]?.address ?? '').locator('[data-label="Latency p50 / p99"]');
      await stage.requests(24);
      await latency.filter({ hasText: /^[\d.]+ \/ [\d.]+ ms$/ }).waitFor();
    }));

  test('drains and undrains an endpoint by keyboard, and asks before the last one', (t) =>
    alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5');
      const [first, second] = [await stage.pod(), await stage.pod()];
      const { page } = await browser.visit(stage.gateway.adminAddress);
      t.after(() => page.close());
      const button = (verb: string, address: string) =>
        page.getByRole('button', { name: `${verb} ${address} of goods` });
      await button('drain', first.address).focus();
      await page.keyboard.press('Enter');
      await row(page, first.address).getByText('told so by an operator').waitFor();
      const focused = page.locator(':focus');
      assert.equal(await focused.getAttribute('aria-label'), `undrain ${first.address} of goods`);

      await button('drain', second.address).click();
      const dialog = page.getByRole('dialog', { name: 'Drain the last one?' });
      await dialog.getByRole('button', { name: 'Keep it' }).click();
      assert.deepEqual(await stage.requests(2), [200, 200]);
      await button('drain', second.address).click();
      await dialog.getByRole('button', { name: 'Drain it' }).click();
      await page.getByText('0 of 2 endpoints taking requests').waitFor();
      assert.deepEqual(await stage.requests(1), [503]);

      await button('undrain', first.address).press('Enter');
      await row(page, first.address).getByText('up', { exact: true }).waitFor();
      assert.deepEqual(await stage.requests(1), [200]);
    }));

  test('says that its stream is cut, comes back by itself, and shows what it missed', async (t) => {
    const { page, way, stays, leaves } = await alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5');
      const stays = await stage.pod();
      const leaves = await stage.pod();
      const way = await startTcpProxy(new URL(stage.gateway.adminAddress).host);
      t.after(() => way.close());
      const { page } = await browser.visit(`http://${way.address}`);
      t.after(() => page.close());
      await page.getByText('2 of 2 endpoints taking requests').waitFor();
      way.cut();
      await page.getByText('The connection to the gateway is cut.').waitFor({ timeout: 1_000 });
      return { page, way, stays, leaves };
    });
    await page.getByText(/^Connection lost at \d\d:\d\d:\d\d$/).waitFor();
    const shown = '.totals, .columns';
    assert.deepEqual(
      await colourless(page, shown),
      [true, true],
      'green must not go on saying that all is well',
    );
    await leaves.stop();
    assert.equal(await row(page, leaves.address).count(), 1, 'what is shown is from before the cut');
    way.mend();
    await page.getByText('Live', { exact: true }).waitFor();
    await row(page, leaves.address).waitFor({ state: 'detached' });
    await row(page, stays.address).waitFor();
    assert.equal(await page.getByText('The connection to the gateway is cut.').count(), 0);
    assert.deepEqual(await colourless(page, shown), [false, false]);
    const journal = page.getByRole('list', { name: /Journal/ });
    await journal.getByText(`left goods ${leaves.address}`).waitFor();
  });

  test('counts a gateway that says nothing for 20 s as cut, though its connection stays open', (t) =>
    alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5');
      await stage.pod();
      const way = await startTcpProxy(new URL(stage.gateway.adminAddress).host);
      t.after(() => way.close());
      // A clock is installed in every page of its browser: those of other tests keep theirs, and may close meanwhile.
      const own = await Browser.open();
      t.after(() => own.close());
      const { page } = await own.visit(`http://${way.address}`);
      await page.clock.install();
      await page.reload();
      await page.getByText('1 of 1 endpoint taking requests').waitFor();
      way.freeze();
      await page.clock.fastForward(15_000);
      // Confirmed up to five seconds before that, and read a while after.
      await page.getByText(/^(1[5-9]|2\d)\ss ago$/).waitFor();
      assert.equal(await page.getByText('Live', { exact: true }).count(), 1);
      await page.clock.fastForward(5_000);
      await page.getByText('The connection to the gateway is cut.').waitFor();
    }));

  test('asks for the token, says when it is wrong, and drains with the right one', (t) =>
    alone(async () => {
      const stage = await DashboardStage.start(t, version ?? '3.5', 'adminToken: s3cret');
      const pods = [await stage.pod(), await stage.pod()];
      const { page } = await browser.visit(stage.gateway.adminAddress);
      t.after(() => page.close());
      const answer = async (token: string) => {
        await page.getByLabel('Admin token', { exact: true }).fill(token);
        await page.keyboard.press('Enter');
      };
      await page.getByText(/only to those who have its admin token/).waitFor();
      assert.equal(await page.getByText(pods[0]?.address ?? '').count(), 0);
      await answer('wrong');
      await page.getByText('That token is not right.').waitFor();
      await answer('s3cret');
      await page.getByRole('button', { name: `drain ${pods[0]?.address} of goods` }).click();
      await page.getByText('1 of 2 endpoints taking requests').waitFor();
      await page.reload();
      await page.getByText('1 of 2 endpoints taking requests').waitFor();
    }));
});
