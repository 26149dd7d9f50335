import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { temporaryFile } from '../support/gateway-process.js';
import { monitoringFile, withVariables } from '../support/monitoring.js';
import { prometheusMissing, promtool } from '../support/prometheus.js';

/** What Grafana's own schema of a dashboard asks for, as far as this one uses it. */
interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: unknown;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly options?: { readonly legend?: { readonly showLegend?: boolean } };
}

interface Target {
  readonly refId: string;
  readonly datasource: unknown;
  readonly expr: string;
  readonly legendFormat: string;
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly definition?: string;
  readonly datasource?: unknown;
}

const dashboard: Dashboard = JSON.parse(monitoringFile('dashboard.json'));
const charts = dashboard.panels.filter(({ type }) => type !== 'row');
// biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of Grafana.
const CHOSEN = { type: 'prometheus', uid: '${datasource}' };
const GRID_COLUMNS = 24;

/** Of https://grafana.com/docs/grafana/latest/panels-visualizations/configure-standard-options, those in use. */
const UNITS = ['reqps', 'ops', 'percentunit', 's', 'short', 'none', 'Bps', 'bytes'];

test('the dashboard is one that Grafana 10 takes as it is', () => {
  assert.match(dashboard.uid, /^[\w-]{8,40}$/);
  assert.ok(dashboard.schemaVersion >= 38, String(dashboard.schemaVersion));
  assert.equal('id' in dashboard, false, 'an id belongs to one installation');
});

test('every panel has an id of its own, and its own place on the grid', () => {
  const ids = dashboard.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos: at } of dashboard.panels) {
    assert.ok(at.x >= 0 && at.x + at.w <= GRID_COLUMNS, title);
    for (let x = at.x; x < at.x + at.w; x += 1) {
      for (let y = at.y; y < at.y + at.h; y += 1) {
        assert.equal(taken.get(`${x},${y}`), undefined, `${title} covers ${taken.get(`${x},${y}`)}`);
        taken.set(`${x},${y}`, title);
      }
    }
  }
});

test('every panel asks the chosen data source, says what it shows and in which unit', () => {
  assert.ok(charts.length > 25, String(charts.length));
  for (const { title, type, description, datasource, targets = [], fieldConfig, options } of charts) {
    assert.match(description ?? '', /\.$/, title);
    assert.deepEqual(datasource, CHOSEN, title);
    assert.ok(UNITS.includes(fieldConfig?.defaults.unit ?? ''), `${title}: ${fieldConfig?.defaults.unit}`);
    assert.ok(targets.length > 0, title);
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
    for (const target of targets) assert.deepEqual(target.datasource, CHOSEN, title);
    if (type !== 'timeseries') continue;
    assert.equal(options?.legend?.showLegend, true, title);
    const legends = targets.map(({ legendFormat }) => legendFormat);
    assert.ok(!legends.includes(''), `${title}: a line without a name`);
    assert.equal(new Set(legends).size, legends.length, `${title}: two lines with one name`);
  }
});

test('every variable that is used is one that can be chosen, after the data source that it is read from', () => {
  const [first, ...others] = dashboard.templating.list;
  assert.deepEqual([first?.name, first?.type, first?.query], ['datasource', 'datasource', 'prometheus']);
  for (const { name, type, datasource, query, definition } of others) {
    assert.deepEqual([type, datasource], ['query', CHOSEN], name);
    assert.equal(typeof query === 'string' ? query : query.query, definition, name);
    assert.match(definition ?? '', /^label_values\(watchgate_\w+, \w+\)$/, name);
  }
  const known = dashboard.templating.list.map(({ name }) => name).concat('__rate_interval');
  const used = [...monitoringFile('dashboard.json').matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name);
  assert.deepEqual(
    used.filter((name) => !known.includes(name) && name !== '__all'),
    [],
  );
  assert.deepEqual(
    known.filter((name) => !used.includes(name)),
    [],
  );
});

test('every expression is one that Prometheus can parse', { skip: prometheusMissing }, async (t) => {
  const rules = charts.flatMap(({ id, targets = [] }) =>
    targets.map(({ refId, expr }) => ({ record: `panel:${id}:${refId}`, expr: withVariables(expr) })),
  );
  const file = await temporaryFile(t, 'panels.yaml', stringify({ groups: [{ name: 'panels', rules }] }));
  const { code, text } = await promtool(['check', 'rules', file]);
  assert.equal(code, 0, text);
  assert.match(text, new RegExp(`${rules.length} rules found`));
});
