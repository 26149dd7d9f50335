import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

/** An alert as a PrometheusRule has it. */
export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleGroups {
  readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[];
}

/** A query of a panel of the dashboard. */
export interface PanelQuery {
  readonly panel: string;
  readonly expr: string;
  readonly legend: string;
}

export function monitoringFile(name: string): string {
  return readFileSync(fileURLToPath(new URL(`../../k8s/monitoring/${name}`, import.meta.url)), 'utf8');
}

/** The rules as Prometheus itself reads them: without what the operator's resource has around them. */
export function alertRules(): RuleGroups {
  return parse(monitoringFile('alerts.yaml')).spec;
}

export function alerts(): readonly AlertRule[] {
  return alertRules().groups.flatMap(({ rules }) => rules);
}

/**
 * The same rules for a test that cannot wait for minutes: each `for`, each range and the age at which
 * a view is old are shortened. Nothing else is.
 */
export function hurried(rules: RuleGroups): RuleGroups {
  const inSeconds = (text: string): string => text.replace(/\[\d+m\]/g, '[5s]').replace(/> 30$/, '> 7');
  return {
    groups: rules.groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: inSeconds(rule.expr),
        ...(rule.for !== undefined && { for: '1s' }),
      })),
    })),
  };
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

export function panelQueries(): readonly PanelQuery[] {
  const { panels }: { panels: readonly Panel[] } = JSON.parse(monitoringFile('dashboard.json'));
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({ panel: title, expr, legend: legendFormat })),
  );
}

/** A panel's expression as Grafana sends it, with everything chosen. */
export function withVariables(expr: string): string {
  return expr.replaceAll('[$__rate_interval]', '[5s]').replaceAll(/\$(namespace|service)/g, '.*');
}

/** What an expression asks for. */
export interface Asked {
  readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[];
  /** Labels that it groups by. */
  readonly grouping: readonly string[];
}

const METRIC = /\b((?:watchgate|process|nodejs)_[a-z0-9_]+)(?:\{([^}]*)\})?/g;
const GROUPING = /\b(?:by|without) \(([^)]*)\)/g;

/** Reads metrics and labels out of PromQL as it is written in these files. */
export function asked(expr: string): Asked {
  const names = (text: string, pattern: RegExp): string[] =>
    [...text.matchAll(pattern)].map(([, name = '']) => name);
  return {
    metrics: [...expr.matchAll(METRIC)].map(([, name = '', selector = '']) => ({
      name,
      labels: names(selector, /(\w+)(?:=~|!~|!=|=)"/g),
    })),
    grouping: names(expr, GROUPING).flatMap((list) => list.split(/, */)),
  };
}
