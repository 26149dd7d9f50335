import type { ServiceDefinition } from '../consul/agent.js';
import { ConsulAgents } from '../consul/agents.js';
import type { Clock } from '../core/clock.js';
import type { Random } from '../core/random.js';
import { encodeRegistration, type RegistrationValue } from '../core/registration.js';
import { EtcdMembers } from '../etcd/members.js';
import { ConsulService } from './consul-service.js';
import type { KeptRegistration, KeptRegistrationListener } from './kept-registration.js';
import { LeasedKey } from './lease.js';
import { etcdLeaseRegistry } from './lease-registry.js';
import type { ConsulRegistryOptions, RegistrationPlan, RegistryOptions } from './options.js';

export interface KeepTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly listener: KeptRegistrationListener;
}

/** The least that Consul takes; until then operators see what happened to the process. */
const FORGOTTEN_AFTER = '1m';

/** Keeps a registration in whichever registry the plan names. Nothing is registered until something is wanted. */
export function keep(plan: RegistrationPlan, tools: KeepTools): KeptRegistration {
  const { registry } = plan;
  return registry.type === 'consul' ? keepInConsul(plan, registry, tools) : keepInEtcd(plan, registry, tools);
}

function keepInEtcd(
  { key, ttlSeconds, value: plain }: RegistrationPlan,
  registry: RegistryOptions,
  tools: KeepTools,
): KeptRegistration {
  const members = new EtcdMembers({ ...registry, ...tools });
  const farewell = encodeRegistration({ ...plain, draining: true });
  const leased = new LeasedKey({ ...tools, registry: etcdLeaseRegistry(members), key, ttlSeconds, farewell });
  return {
    get lease() {
      return leased.lease;
    },
    want: (value) => leased.want(value && encodeRegistration(value)),
    close: () => leased.close(),
  };
}

function keepInConsul(
  plan: RegistrationPlan,
  registry: ConsulRegistryOptions,
  tools: KeepTools,
): KeptRegistration {
  return new ConsulService({
    ...tools,
    agents: new ConsulAgents({ ...registry, ...tools }),
    define: (value) => consulDefinition(plan, value),
    ttlSeconds: plan.ttlSeconds,
  });
}

/** What Consul is told of a registration. What it has no place for is in the metadata. */
function consulDefinition(
  { key, service, address, tags, ttlSeconds }: RegistrationPlan,
  { weight = 1, zone, metadata, draining }: RegistrationValue,
): ServiceDefinition {
  return {
    ID: key,
    Name: service,
    Address: address.host,
    Port: address.port,
    Tags: tags,
    Meta: { ...metadata, ...(zone !== undefined && { zone }), ...(draining && { draining: 'true' }) },
    Weights: { Passing: weight, Warning: 1 },
    Check: {
      CheckID: `service:${key}`,
      Name: 'the process',
      TTL: `${ttlSeconds}s`,
      Status: 'passing',
      DeregisterCriticalServiceAfter: FORGOTTEN_AFTER,
    },
  };
}
