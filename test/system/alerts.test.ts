import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { temporaryFile } from '../support/gateway-process.js';
import {
  alertRules,
  alerts,
  asked,
  hurried,
  monitoringFile,
  panelQueries,
  withVariables,
} from '../support/monitoring.js';
import { type Outage, outage } from '../support/outage.js';
import { Prometheus, prometheusMissing, promtool } from '../support/prometheus.js';

/** Labels that Prometheus gives every series of a target, and that a histogram's buckets have. */
const OF_TARGETS = ['instance', 'namespace', 'pod', 'job', 'le'];
const SCRAPE_MS = 500;
const PATIENCE_MS = 40_000;

/** Asks again, at the pace of the scrapes, until nothing is missing any more; else fails with what still is. */
async function untilNone(missing: () => Promise<readonly string[]>): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  let last = await missing();
  while (last.length > 0 && performance.now() < until) {
    await pause(SCRAPE_MS / 2);
    last = await missing();
  }
  assert.deepEqual(last, []);
}

/** Of each series of Prometheus text its name, with the labels that any of them has. */
function labelsByMetric(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z]\w*)(?:\{(.*)\})? \S+$/gm)) {
    const known = found.get(name) ?? new Set();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

describe('what the alerts and the dashboard ask for', () => {
  test('every metric, with its labels, is on /metrics of a gateway in trouble', async (t) => {
    const trouble = await outage(t);
    await trouble.begin();
    const questions = [
      ...alerts().map(({ alert, expr }) => ({ of: alert, expr, legend: '' })),
      ...panelQueries().map(({ panel, expr, legend }) => ({ of: panel, expr, legend })),
    ];
    const unknown = (live: ReadonlyMap<string, ReadonlySet<string>>): string[] =>
      questions.flatMap(({ of, expr, legend }) =>
        unknownIn(expr, legend, live).map((what) => `${of}: ${what}`),
      );
    // The first failures and retries take a moment to come about.
    await untilNone(async () => unknown(labelsByMetric(await trouble.metrics())));
    assert.ok(questions.length > 40, String(questions.length));
  });

  test('every alert leads to its own section of the runbook, and every section is of an alert', () => {
    const runbook = readFileSync(fileURLToPath(new URL('../../docs/runbook.md', import.meta.url)), 'utf8');
    const sections = [...runbook.matchAll(/^## (Watchgate\w+)$/gm)].map(([, name = '']) => name);
    assert.deepEqual(
      sections,
      alerts().map(({ alert }) => alert),
    );
    for (const { alert, annotations } of alerts()) {
      assert.equal(annotations['runbook_url'], `docs/runbook.md#${alert.toLowerCase()}`);
    }
  });
});

/** What an expression, or the legend of its panel, names and `live` does not have. */
function unknownIn(expr: string, legend: string, live: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { metrics, grouping } = asked(expr);
  if (metrics.length === 0) return ['asks for no metric'];
  const known = new Set(metrics.flatMap(({ name }) => [...(live.get(name) ?? [])]).concat(OF_TARGETS));
  const counted = [...expr.matchAll(/count_values\("(\w+)"/g)].map(([, label]) => label);
  const shown = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
  return [
    ...metrics.filter(({ name }) => !live.has(name)).map(({ name }) => name),
    ...metrics.flatMap(({ name, labels }) =>
      labels
        .filter((label) => live.has(name) && !live.get(name)?.has(label) && !OF_TARGETS.includes(label))
        .map((label) => `${name}{${label}}`),
    ),
    ...grouping.filter((label) => !known.has(label)).map((label) => `by (${label})`),
    ...shown.filter((label) => !known.has(label) && !counted.includes(label)).map((label) => `{{${label}}}`),
  ];
}

describe('the alerts', { skip: prometheusMissing }, () => {
  test('are rules that promtool finds nothing wrong with', async (t) => {
    const file = await temporaryFile(t, 'rules.yaml', stringify(alertRules()));
    const { code, text } = await promtool(['check', 'rules', '--lint-fatal', file]);
    assert.equal(code, 0, text);
    assert.match(text, new RegExp(`${alerts().length} rules found`));
  });

  test('fire, and stay silent, as alerts.test.yaml has it', async (t) => {
    const rules = await temporaryFile(t, 'rules.yaml', stringify(alertRules()));
    const cases = monitoringFile('alerts.test.yaml').replace('rules.yaml', rules);
    const { code, text } = await promtool(['test', 'rules', await temporaryFile(t, 'cases.yaml', cases)]);
    assert.equal(code, 0, text);
    for (const { alert } of alerts()) assert.match(cases, new RegExp(`alertname: ${alert}$`, 'm'));
  });

  test('all fire in a Prometheus that scrapes a gateway through an outage, and every panel has data', async (t) => {
    const trouble = await outage(t);
    const rules = stringify(hurried(alertRules()));
    const prometheus = await Prometheus.start(t, { targets: trouble.targets, rules, intervalMs: SCRAPE_MS });
    await untilNone(async () => {
      const found = await prometheus.query('watchgate_config_generation');
      return trouble.targets.filter((target) => !found.some(({ labels }) => labels['instance'] === target));
    });
    await untilNone(async () =>
      (await prometheus.firing()).filter((name) => /Reload|Drift|Guard|Stale|Absent/.test(name)),
    );
    await trouble.begin();
    await panelsHaveData(prometheus);
    await allFire(t, prometheus, trouble);
  });
});

/** Every panel, asked as Grafana would, until each has had data. */
async function panelsHaveData(prometheus: Prometheus): Promise<void> {
  let empty = panelQueries();
  await untilNone(async () => {
    const answers = await Promise.all(empty.map(({ expr }) => prometheus.query(withVariables(expr))));
    empty = empty.filter((_, index) => answers[index]?.length === 0);
    return empty.map(({ panel, expr }) => `${panel}: ${expr}`);
  });
}

async function allFire(t: TestContext, prometheus: Prometheus, trouble: Outage): Promise<void> {
  const missing = new Set(alerts().map(({ alert }) => alert));
  const startedAt = performance.now();
  const wait = (but: readonly string[]): Promise<void> =>
    untilNone(async () => {
      for (const name of await prometheus.firing()) {
        if (missing.delete(name))
          t.diagnostic(`${name} after ${Math.round(performance.now() - startedAt)} ms`);
      }
      return [...missing].filter((name) => !but.includes(name));
    });
  await wait(['WatchgateAbsent', 'WatchgateRegistryStale']);
  await trouble.worse();
  await wait(['WatchgateAbsent']);
  await trouble.end();
  await wait([]);
}
