import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { IIngressRoute } from '@kubernetes-models/traefik/traefik.io/v1alpha1';
import type { IDeployment } from 'kubernetes-models/apps/v1';
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1';
import type { IPodDisruptionBudget } from 'kubernetes-models/policy/v1';
import type { IConfigMap, IContainer, IEnvVar, IProbe, IService } from 'kubernetes-models/v1';
import { ensureServers } from '../../scripts/servers.mjs';
import { parseConfig } from '../../src/config/load.js';
import { systemClock } from '../../src/core/clock.js';
import { startEmbeddedRegistry } from '../../src/embedded/server.js';
import { type KubernetesObject, kustomize, schemaError, unknownFields } from '../support/kubernetes.js';

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const { found, missing } = await ensureServers(['kubectl']);
const kubectl = found['kubectl']?.commands['kubectl'];
if (kubectl === undefined && process.env['CI'] === 'true') throw new Error(missing.join('\n'));

type Labels = { readonly [label: string]: string } | undefined;

function selects(selector: Labels, labels: Labels): boolean {
  const wanted = Object.entries(selector ?? {});
  return wanted.length > 0 && wanted.every(([label, value]) => labels?.[label] === value);
}

function defined<T>(value: T | undefined, what: string): T {
  assert.ok(value !== undefined, `${what} is there`);
  return value;
}

describe('the kustomization in k8s', { skip: kubectl === undefined && missing[0] }, async () => {
  const objects = kubectl === undefined ? [] : await kustomize(kubectl, 'k8s');

  // The first test shows that each object has the shape of its kind.
  function one<T>(kind: string, name = 'gateway'): T {
    const matches = objects.filter((object) => object.kind === kind && object.metadata.name === name);
    assert.equal(matches.length, 1, `one ${kind} ${name}`);
    return matches[0] as T;
  }
  const deployments = objects.filter((object) => object.kind === 'Deployment');
  const specOf = (name: string) => defined(one<IDeployment>('Deployment', name).spec, `spec of ${name}`);
  const podOf = (name: string) => defined(specOf(name).template.spec, `pod of ${name}`);
  const containerOf = (name: string) =>
    defined<IContainer>(podOf(name).containers[0], `container of ${name}`);
  const gatewayLabels = () => specOf('gateway').template.metadata?.labels;

  /** The container's variables as the kubelet would set them; Secrets and the pod's own fields are made up. */
  function environmentOf(container: IContainer): Record<string, string> {
    return Object.fromEntries((container.env ?? []).map((variable) => [variable.name, resolved(variable)]));
  }

  function resolved({ name, value, valueFrom }: IEnvVar): string {
    const reference = valueFrom?.configMapKeyRef;
    if (reference === undefined) return value ?? `${name} from elsewhere`;
    const map = one<IConfigMap>('ConfigMap', reference.name);
    return defined(map.data?.[reference.key], `${reference.name}.${reference.key}`);
  }

  function gatewaySettings() {
    const text = defined(one<IConfigMap>('ConfigMap', 'gateway-routes').data?.['routes.yaml'], 'routes.yaml');
    const result = parseConfig(text, 'k8s/routes.yaml', environmentOf(containerOf('gateway')));
    assert.ok(!('errors' in result), JSON.stringify(result));
    assert.deepEqual(result.warnings, []);
    return result.settings;
  }

  /** The number of a port that is given by name. */
  function portNamed(container: IContainer, port: number | string | undefined): number | undefined {
    const named = container.ports?.find(({ name }) => name === port);
    return named?.containerPort ?? (typeof port === 'number' ? port : undefined);
  }

  for (const object of objects) {
    test(`${object.kind} ${object.metadata.name} is valid by its published schema`, async () => {
      assert.equal(await schemaError(object), undefined);
    });
  }

  test('no object has a field that its schema does not know', async () => {
    assert.deepEqual(await unknownFields(objects), []);
  });

  test('the two checks above find what is missing, of the wrong type or misspelt', async () => {
    const service: KubernetesObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' } };
    const deployment = { ...service, apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 'ten' } };
    assert.match((await schemaError(deployment)) ?? '', /replicas[\s\S]*selector|selector[\s\S]*replicas/);
    const misspelt = { ...service, spec: { selektor: { app: 'x' } } };
    assert.match((await unknownFields([misspelt])).join('\n'), /selektor/);
  });

  test('everything is in the namespace that comes with it', () => {
    const elsewhere = objects.filter(
      ({ kind, metadata }) => kind !== 'Namespace' && metadata.namespace !== 'watchgate',
    );
    assert.deepEqual(elsewhere, []);
    assert.ok(one('Namespace', 'watchgate'));
  });

  test('ten gateways run, and a rollout replaces them one by one and never goes below ten', () => {
    const { replicas, strategy, minReadySeconds } = specOf('gateway');
    assert.equal(replicas, 10);
    assert.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    assert.ok((minReadySeconds ?? 0) > 0);
  });

  test('every selector finds the pods that it means', () => {
    for (const { metadata } of deployments) {
      const { selector, template } = specOf(metadata.name);
      assert.ok(selects(selector.matchLabels, template.metadata?.labels), `Deployment ${metadata.name}`);
      for (const spread of template.spec?.topologySpreadConstraints ?? []) {
        assert.ok(selects(spread.labelSelector?.matchLabels, template.metadata?.labels), spread.topologyKey);
      }
    }
    const policy = one<INetworkPolicy>('NetworkPolicy').spec;
    const budget = one<IPodDisruptionBudget>('PodDisruptionBudget').spec;
    assert.ok(selects(one<IService>('Service').spec?.selector, gatewayLabels()));
    assert.ok(selects(budget?.selector?.matchLabels, gatewayLabels()));
    assert.ok(selects(policy?.podSelector?.matchLabels, gatewayLabels()));
    assert.ok(!selects(budget?.selector?.matchLabels, specOf('goods').template.metadata?.labels));
  });

  test('the routes pass the check that the gateway makes, in the environment that its pods get', () => {
    const settings = gatewaySettings();
    assert.deepEqual(
      settings.routes.map(({ id, service }) => [id, service]),
      [['/goods', 'goods']],
    );
    const registry = defined(settings.registries.get('main'), 'registry');
    assert.ok(registry.type === 'etcd');
    assert.equal(registry.username, 'ETCD_USERNAME from elsewhere');
    assert.equal(registry.password, 'ETCD_PASSWORD from elsewhere');
    assert.equal(settings.adminToken, 'WATCHGATE_ADMIN_TOKEN from elsewhere');
  });

  test('the gateway reads the routes where the ConfigMap is mounted, as a folder so that changes arrive', () => {
    const { args, volumeMounts } = containerOf('gateway');
    const mount = defined(volumeMounts?.[0], 'mount');
    assert.deepEqual(args, ['start', '-c', `${mount.mountPath}/routes.yaml`]);
    assert.equal(mount.subPath, undefined);
    const volume = podOf('gateway').volumes?.find(({ name }) => name === mount.name);
    assert.equal(volume?.configMap?.name, 'gateway-routes');
  });

  test('the host of the ingress reaches the port that the gateway listens on', () => {
    const [route] = one<IIngressRoute>('IngressRoute').spec.routes;
    assert.equal(route?.match, 'Host(`etcd-demo.local.com`)');
    const [reference] = route?.services ?? [];
    const service = one<IService>('Service', reference?.name);
    const port = service.spec?.ports?.find(({ name }) => name === reference?.port);
    const listening = gatewaySettings().listen;
    assert.equal(portNamed(containerOf('gateway'), port?.targetPort), listening.port);
    assert.equal(listening.host, '0.0.0.0');
  });

  test('every probe asks the admin port, for what it is there to tell', () => {
    const container = containerOf('gateway');
    const { admin } = gatewaySettings();
    const asked = (probe: IProbe | undefined) => [
      portNamed(container, probe?.httpGet?.port),
      probe?.httpGet?.path,
    ];
    assert.deepEqual(asked(container.readinessProbe), [admin.port, '/readyz']);
    assert.deepEqual(asked(container.livenessProbe), [admin.port, '/healthz']);
    assert.deepEqual(asked(container.startupProbe), [admin.port, '/healthz']);
    assert.equal(admin.host, '0.0.0.0');
  });

  test('the grace period outlasts the wait before the stop, the drain delay and the drain', () => {
    const { drainDelay, drainTimeout } = gatewaySettings();
    const [program, seconds] = containerOf('gateway').lifecycle?.preStop?.exec?.command ?? [];
    assert.equal(program, 'sleep');
    const grace = podOf('gateway').terminationGracePeriodSeconds ?? 30;
    assert.ok(grace * 1000 > Number(seconds) * 1000 + drainDelay + drainTimeout, `${grace} s is too short`);
  });

  test('readiness is lost within the drain delay, before the listener closes', () => {
    const { periodSeconds = 10, failureThreshold = 3 } = containerOf('gateway').readinessProbe ?? {};
    assert.ok(periodSeconds * failureThreshold * 1000 <= gatewaySettings().drainDelay);
  });

  test('an idle client connection is kept longer than Traefik keeps it', () => {
    const traefikIdleMs = 90_000;
    assert.ok(gatewaySettings().server.keepAliveTimeout > traefikIdleMs);
  });

  for (const name of ['gateway', 'goods']) {
    test(`${name} may do no more than the restricted profile allows, and holds no token`, () => {
      const pod = podOf(name);
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.serviceAccountName, name);
      assert.equal(pod.securityContext?.runAsNonRoot, true);
      assert.deepEqual(pod.securityContext?.seccompProfile, { type: 'RuntimeDefault' });
      assert.deepEqual(containerOf(name).securityContext, {
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
        readOnlyRootFilesystem: true,
      });
      assert.ok(containerOf(name).resources?.limits?.['memory']);
    });
  }

  test('every Secret that a pod needs is one that the guide tells how to make', () => {
    const guide = readFileSync(path('docs/deploying.md'), 'utf8');
    const references = deployments
      .flatMap(({ metadata }) => containerOf(metadata.name).env ?? [])
      .map(({ valueFrom }) => valueFrom?.secretKeyRef)
      .filter((reference) => reference !== undefined);
    assert.ok(references.length > 0);
    for (const { name, key } of references) {
      const command = new RegExp(
        `create secret generic ${name}\\b(.*\\\\\\n)*.*--from-(literal|file)=${key}=`,
      );
      assert.match(guide, command);
    }
  });

  test('three goods register their own address under their own name, with a 3 s lease', async (t) => {
    const container = containerOf('goods');
    const fields = (container.env ?? []).map(({ name, valueFrom }) => [name, valueFrom?.fieldRef?.fieldPath]);
    assert.equal(specOf('goods').replicas, 3);
    const registry = await startEmbeddedRegistry({
      listen: { host: '127.0.0.1', port: 0 },
      clock: systemClock,
    });
    t.after(() => registry.close());

    // Only the variables that the Deployment names reach the program.
    const here = {
      // Not the address that it would find by itself.
      'status.podIP': '127.0.0.2',
      'metadata.name': 'goods-7d4b9-x2x8k',
      ETCD_ENDPOINTS: registry.endpoint,
      ETCD_USERNAME: '',
      ETCD_PASSWORD: '',
    };
    const values = new Map(Object.entries(here));
    const env = fields.map(([name = '', field]) => [name, values.get(field ?? name)]);
    const source = container.command?.[1]?.replace(/^dist\//, '').replace(/\.js$/, '.ts') ?? '';
    const args = ['--import', 'tsx', path(source)];
    const pod = spawn(process.execPath, args, {
      cwd: path('.'),
      env: { ...Object.fromEntries(env), PORT: '0' },
      // Over IPC it notices when this process ends, however that comes about.
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    t.after(() => pod.kill('SIGKILL'));
    const [line] = await once(createInterface(pod.stdout ?? assert.fail('no output')), 'line');
    const { event, key, address, ttl } = JSON.parse(line);
    assert.equal(event, 'registered');
    assert.equal(key, '/service_registry_discovery/goods/goods-7d4b9-x2x8k');
    assert.match(address, /^127\.0\.0\.2:\d+$/);
    assert.equal(ttl, 3);
  });
});
