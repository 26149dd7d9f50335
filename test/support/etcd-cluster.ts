import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterMember } from './cluster-member.js';
import { type EtcdctlOptions, type EtcdVersion, etcdCommand, etcdctl } from './etcd-server.js';
import { freePorts } from './free-ports.js';

export interface EtcdClusterOptions {
  readonly version?: EtcdVersion;
  /** Members at the start; three when absent. */
  readonly size?: number;
  /** Further flags for every member, after ours. */
  readonly args?: readonly string[];
}

const TOKEN = 'watchgate-test';
const FLAGS = [
  // Quick elections, yet slow enough for three members, the gateway and the tests to share two cores.
  '--heartbeat-interval=50',
  '--election-timeout=500',
  '--logger=zap',
  '--log-level=error',
  `--initial-cluster-token=${TOKEN}`,
];

/** A cluster of real etcd members on loopback, each of which can be hung, killed, restored and removed. */
export class EtcdCluster {
  readonly version: EtcdVersion;
  readonly members: ClusterMember[] = [];
  readonly #args: readonly string[];
  readonly #folder: string;
  /** Changed by a restore: etcd wants an empty place for it. */
  #generation = 0;
  /** A test process that ends early still leaves nothing behind. */
  readonly #cleanAtExit = (): void => {
    for (const member of this.members) member.killNow();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
  };

  constructor(version: EtcdVersion, folder: string, args: readonly string[]) {
    this.version = version;
    this.#folder = folder;
    this.#args = [...FLAGS, ...(version === '3.4' ? [] : ['--unsafe-no-fsync']), ...args];
    process.once('exit', this.#cleanAtExit);
  }

  get endpoints(): string[] {
    return this.members.map((member) => member.endpoint);
  }

  async create(size: number): Promise<void> {
    for (const index of Array.from({ length: size }, (_, at) => at)) await this.#make(`m${index}`);
    await this.startAll();
  }

  /** Starts every member on the data it has; resolves once all are healthy. */
  async startAll(): Promise<void> {
    for (const member of this.members) member.spawn(this.#dataDir(member), this.#initialCluster(), 'new');
    await this.healthy();
  }

  async killAll(): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
  }

  async restart(member: ClusterMember): Promise<void> {
    await member.kill();
    member.spawn(this.#dataDir(member), this.#initialCluster(), 'existing');
    await member.healthy();
  }

  async healthy(): Promise<void> {
    await Promise.all(this.members.map((member) => member.healthy()));
  }

  /** The member that leads; asks the healthy ones. */
  async leader(): Promise<ClusterMember> {
    const status = await this.ctl(['endpoint', 'status', '--write-out=json']);
    const answers: { Endpoint: string; Status: { leader: number; header: { member_id: number } } }[] =
      JSON.parse(status);
    const leading = answers.find(({ Status }) => Status.leader === Status.header.member_id);
    const member = this.members.find(({ endpoint }) => endpoint === leading?.Endpoint);
    if (member === undefined) throw new Error(`no leader in ${status}`);
    return member;
  }

  /** Adds an empty member and resolves once it has caught up. */
  async add(): Promise<ClusterMember> {
    const member = await this.#make(`m${this.members.length}`);
    const others = this.members.filter((other) => other !== member).map(({ endpoint }) => endpoint);
    await this.ctl(['member', 'add', member.name, `--peer-urls=${member.peer}`], others);
    member.spawn(this.#dataDir(member), this.#initialCluster(), 'existing');
    await member.healthy();
    return member;
  }

  /** Votes a member out, which ends its process, and forgets it. */
  async remove(member: ClusterMember): Promise<void> {
    this.members.splice(this.members.indexOf(member), 1);
    const { members }: { members: { ID: bigint; name: string }[] } = JSON.parse(
      // Ids have 64 bits, more than JSON.parse keeps.
      (await this.ctl(['member', 'list', '--write-out=json'])).replace(/"ID":(\d+)/g, '"ID":"$1"'),
    );
    const id = members.find(({ name }) => name === member.name)?.ID;
    await this.ctl(['member', 'remove', BigInt(id ?? 0).toString(16)]);
    await member.kill();
  }

  /** Saves what the cluster holds now. */
  async saveSnapshot(name: string): Promise<void> {
    await this.ctl(['snapshot', 'save', join(this.#folder, name)], this.endpoints.slice(0, 1));
  }

  /** Ends every member and starts a new cluster, on the same addresses, from what was saved. */
  async restoreSnapshot(name: string): Promise<void> {
    await this.killAll();
    this.#generation += 1;
    for (const member of this.members) {
      await this.ctl([
        'snapshot',
        'restore',
        join(this.#folder, name),
        `--name=${member.name}`,
        `--data-dir=${this.#dataDir(member)}`,
        `--initial-cluster=${this.#initialCluster()}`,
        `--initial-cluster-token=${TOKEN}`,
        `--initial-advertise-peer-urls=${member.peer}`,
      ]);
    }
    await this.startAll();
  }

  /** Runs etcdctl; rejects with what it said when it fails. */
  async ctl(
    args: readonly string[],
    endpoints: readonly string[] = this.endpoints,
    options: EtcdctlOptions = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await etcdctl(this.version, endpoints.join(','), args, options);
    if (code !== 0) throw new Error(`etcdctl ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  }

  /** Ends every process and removes the data. Idempotent. */
  async stop(): Promise<void> {
    process.off('exit', this.#cleanAtExit);
    await this.killAll();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #make(name: string): Promise<ClusterMember> {
    const [client = 0, peer = 0] = await freePorts(2);
    const member = new ClusterMember(name, [client, peer], etcdCommand(this.version, 'etcd'), this.#args);
    this.members.push(member);
    return member;
  }

  #dataDir(member: ClusterMember): string {
    return join(this.#folder, `${member.name}-${this.#generation}`);
  }

  #initialCluster(): string {
    return this.members.map(({ name, peer }) => `${name}=${peer}`).join(',');
  }
}

/** Starts a cluster and waits until every member is healthy. */
export async function startEtcdCluster(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const { version = '3.5', size = 3, args = [] } = options;
  for (let attempt = 1; ; attempt++) {
    const folder = await mkdtemp(join(tmpdir(), 'watchgate-cluster-'));
    const cluster = new EtcdCluster(version, folder, args);
    try {
      await cluster.create(size);
      return cluster;
    } catch (error) {
      await cluster.stop();
      // Another process may take a port between our choosing it and etcd's listening on it.
      if (attempt === 3 || !String(error).includes('address already in use')) throw error;
    }
  }
}
