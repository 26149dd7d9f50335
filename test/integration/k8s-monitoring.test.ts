import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { IConfigMap, IService } from 'kubernetes-models/v1';
import { ensureServers } from '../../scripts/servers.mjs';
import { type KubernetesObject, kustomize, schemaError } from '../support/kubernetes.js';
import { alertRules, monitoringFile } from '../support/monitoring.js';

const { found, missing } = await ensureServers(['kubectl']);
const kubectl = found['kubectl']?.commands['kubectl'];
if (kubectl === undefined && process.env['CI'] === 'true') throw new Error(missing.join('\n'));

interface ServiceMonitor {
  readonly spec: {
    readonly selector: { readonly matchLabels: Labels };
    readonly endpoints: readonly { readonly port: string }[];
  };
}

type Labels = { readonly [label: string]: string };

/** Those of `labels` that `wanted` names. */
function pickFrom(labels: Labels | undefined, wanted: Labels | undefined): Labels {
  return Object.fromEntries(Object.entries(labels ?? {}).filter(([label]) => label in (wanted ?? {})));
}

describe('the kustomization in k8s/monitoring', { skip: kubectl === undefined && missing[0] }, async () => {
  const render = async (folder: string): Promise<readonly KubernetesObject[]> =>
    kubectl === undefined ? [] : kustomize(kubectl, folder);
  const gateways = await render('k8s');
  const monitoring = await render('k8s/monitoring');

  function one<T>(kind: string, name: string, objects = monitoring): T {
    const matches = objects.filter((object) => object.kind === kind && object.metadata.name === name);
    assert.equal(matches.length, 1, `one ${kind} ${name}`);
    return matches[0] as T;
  }

  test('everything is in the namespace of the gateways, and what Kubernetes knows is valid', async () => {
    for (const object of monitoring) {
      assert.equal(object.metadata.namespace, 'watchgate', object.kind);
      if (object.apiVersion === 'v1') assert.equal(await schemaError(object), undefined);
    }
  });

  test('the ServiceMonitor finds a Service, which finds the admin port of the gateways', () => {
    const monitor = one<ServiceMonitor>('ServiceMonitor', 'gateway').spec;
    const { metadata, spec } = one<IService>('Service', 'gateway-admin');
    const pod = one<IDeployment>('Deployment', 'gateway', gateways).spec?.template;
    assert.deepEqual(monitor.selector.matchLabels, pickFrom(metadata?.labels, monitor.selector.matchLabels));
    assert.deepEqual(spec?.selector, pickFrom(pod?.metadata?.labels, spec?.selector));
    const [port] = spec?.ports ?? [];
    assert.equal(monitor.endpoints[0]?.port, port?.name);
    const named = pod?.spec?.containers[0]?.ports?.find(({ name }) => name === port?.targetPort);
    assert.equal(named?.containerPort, port?.port);
  });

  test('the rules and the dashboard arrive as they are written', () => {
    assert.deepEqual(one<{ spec: object }>('PrometheusRule', 'watchgate').spec, alertRules());
    const map = one<IConfigMap>('ConfigMap', 'watchgate-dashboard');
    assert.equal(map.metadata?.labels?.['grafana_dashboard'], '1');
    assert.equal(map.data?.['watchgate.json'], monitoringFile('dashboard.json'));
  });
});
