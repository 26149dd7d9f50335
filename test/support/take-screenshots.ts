// `npm run screenshots` takes the pictures in docs/images anew, of a gateway with a real etcd and a minute of load.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { Browser } from './browser.js';
import { DashboardStage, type MortalPod } from './dashboard-stage.js';
import { etcdVersions } from './etcd-server.js';
import { ExplainBox } from './explain-box.js';

const FOLDER = fileURLToPath(new URL('../../docs/images/', import.meta.url));
/** How many endpoints each service has, and how long they take to answer, milliseconds in turn. */
const SERVICES: Readonly<Record<string, { readonly endpoints: number; readonly delays: readonly number[] }>> =
  {
    goods: { endpoints: 3, delays: [8, 10, 9, 14, 8, 11, 45] },
    orders: { endpoints: 3, delays: [22, 25, 24, 31, 90] },
    payments: { endpoints: 2, delays: [40, 52, 47, 180, 44] },
    search: { endpoints: 4, delays: [15, 30, 18, 70] },
    user: { endpoints: 4, delays: [4, 5, 4, 6, 20] },
  };
const ROUNDS = 60;

const ends: (() => unknown)[] = [];
try {
  await takeAll();
} finally {
  for (const end of ends.reverse()) await end();
}

async function takeAll(): Promise<void> {
  const stage = await DashboardStage.start(
    { after: (end) => ends.push(end) },
    etcdVersions.at(-1) ?? '3.5',
    routes(),
  );
  for (const [name, { endpoints, delays }] of Object.entries(SERVICES)) {
    for (let count = 0; count < endpoints; count += 1) await stage.pod(name, inTurn(delays, count));
  }
  const mortal = await stage.mortalPod(600);
  await stage.write('goods/written-by-hand', 'no address');
  const browser = await Browser.open({ width: 1280, height: 760, reducedMotion: true });
  ends.push(() => browser.close());
  const { page } = await browser.visit(stage.gateway.adminAddress);
  await page.getByText('4 of 4 endpoints taking requests').first().waitFor();
  await underLoad(stage, page, mortal);
}

/** The pictures are taken while requests flow, after what happens at the end of the minute. */
async function underLoad(stage: DashboardStage, page: Page, mortal: MortalPod): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round === ROUNDS - 8)
      await page
        .getByRole('button', { name: / of orders$/ })
        .first()
        .click();
    if (round === ROUNDS - 6) mortal.kill();
    if (round === ROUNDS - 5) await stage.pod('user', inTurn(SERVICES['user']?.delays ?? [5], 3));
    await Promise.all([pause(1_000), ...Object.keys(SERVICES).map((name) => askFor(stage, name))]);
  }
  await inBothThemes(page, (theme) => page.screenshot({ path: `${FOLDER}dashboard-${theme}.png` }));
  const box = new ExplainBox(page);
  await box.open();
  await box.ask({ URL: '/wares/list?page=2', 'Headers, one a line': 'Host: shop.example' });
  await box.verdict.waitFor();
  const region = page.getByRole('region', { name: 'Explain a request' });
  await inBothThemes(page, (theme) => region.screenshot({ path: `${FOLDER}explain-${theme}.png` }));
}

async function inBothThemes(page: Page, take: (theme: string) => Promise<unknown>): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await take(colorScheme);
  }
}

/** A second's requests. */
async function askFor(stage: DashboardStage, service: string): Promise<void> {
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let turn = 0; turn < 5; turn += 1) {
        const response = await fetch(`http://${stage.gateway.address}/${service}/list`);
        await response.arrayBuffer();
      }
    }),
  );
}

function inTurn(values: readonly number[], first: number): () => number {
  let turn = first;
  return () => values[turn++ % values.length] ?? 0;
}

function routes(): string {
  const others = Object.keys(SERVICES).filter((name) => name !== 'goods');
  return [
    ...others.flatMap((name) => [`  - prefix: /${name}`, `    service: ${name}`]),
    '  - prefix: /wares',
    '    host: shop.example',
    '    rewritePrefix: /goods',
    '    service: goods',
  ].join('\n');
}
