import { isDeepStrictEqual } from 'node:util';
import type { Announce, CertificateEvent } from '../core/events.js';
import type { ServiceRef } from '../core/route.js';
import type { TrafficReport } from '../core/tally.js';
import type { News } from './workers.js';

export interface NewsTools {
  readonly announce: Announce;
  /** Takes what has happened in a worker since it last told. */
  readonly take: (worker: number, traffic: TrafficReport) => void;
  readonly reportDead: (ref: ServiceRef, address: string) => void;
}

/** Makes what workers tell into events of the gateway. */
export function newsReader({ announce, take, reportDead }: NewsTools): (worker: number, news: News) => void {
  let certificate: Omit<CertificateEvent, 'at'> | undefined;
  return (worker, news) => {
    switch (news.kind) {
      case 'traffic':
        return take(worker, news.traffic);
      case 'health':
        return announce('health', news.change);
      case 'dead':
        return reportDead({ service: news.service, registry: news.source }, news.address);
      case 'certificate': {
        // Every worker reads the same files; to say it once is enough.
        const { at: _, ...read } = news.event;
        if (isDeepStrictEqual(read, certificate)) return;
        certificate = read;
        announce('certificate', news.event);
      }
    }
  };
}
