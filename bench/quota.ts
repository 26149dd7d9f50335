import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const V1 = '/sys/fs/cgroup/cpu';
const V2 = '/sys/fs/cgroup';
/** Short, so that a process that has used its share up does not stand still for long. */
const PERIOD_US = 10_000;
const LOOK_AGAIN_MS = 20;

/** Groups of processes that get a share of a core and no more: cgroups of Linux, either version. */
export class Quotas {
  readonly #groups: string[] = [];

  /** Lets a process have `share` of a core. Throws where this is not allowed. */
  limit(pid: number, share: number): void {
    const quota = Math.round(PERIOD_US * share);
    const isV1 = existsSync(V1);
    const group = join(isV1 ? V1 : V2, `watchgate-bench-${process.pid}-${this.#groups.length}`);
    mkdirSync(group);
    this.#groups.push(group);
    if (isV1) {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quota));
    } else writeFileSync(join(group, 'cpu.max'), `${quota} ${PERIOD_US}`);
    writeFileSync(join(group, 'cgroup.procs'), String(pid));
  }

  /** Does away with the groups; resolves once their processes have ended. */
  async removeWhenEmpty(): Promise<void> {
    for (const group of this.#groups.splice(0)) {
      while (readFileSync(join(group, 'cgroup.procs'), 'utf8') !== '') await pause(LOOK_AGAIN_MS);
      rmdirSync(group);
    }
  }
}
