import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { FrontTlsSettings } from '../config/settings.js';
import type { Clock } from '../core/clock.js';
import { messageOf, WatchgateError } from '../core/errors.js';
import type { Announce } from '../core/events.js';
import { type FileWatch, watchFile } from '../files/watch.js';
import type { Certificate } from '../proxy/tls-listener.js';

export interface CertificateTools {
  readonly clock: Clock;
  readonly announce: Announce;
}

/** A certificate that belongs to its key. */
interface Read extends Certificate {
  /** Who it is for, in words. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The certificate of the front door, which is read again when one of its files changes. */
export class CertificateFiles {
  readonly #files: Pick<FrontTlsSettings, 'cert' | 'key'>;
  readonly #tools: CertificateTools;
  readonly #watches: FileWatch[] = [];
  #current: Read;
  #reading: Promise<void> = Promise.resolve();

  private constructor(files: Pick<FrontTlsSettings, 'cert' | 'key'>, tools: CertificateTools, read: Read) {
    this.#files = files;
    this.#tools = tools;
    this.#current = read;
  }

  /** Throws FILE_UNREADABLE or CERTIFICATE_INVALID. */
  static async open(
    files: Pick<FrontTlsSettings, 'cert' | 'key'>,
    tools: CertificateTools,
  ): Promise<CertificateFiles> {
    const opened = new CertificateFiles(files, tools, await read(files));
    opened.#announce(true, opened.#current.subject);
    return opened;
  }

  get current(): Certificate {
    return this.#current;
  }

  /** Calls `take` with each newer certificate. Of one file changed before the other, neither is taken. */
  async follow(take: (certificate: Certificate) => void): Promise<void> {
    const { cert, key } = this.#files;
    const onChange = (): void => {
      this.#reading = this.#reading.then(() => this.#readAgain(take));
    };
    for (const path of new Set([cert, key])) {
      this.#watches.push(watchFile(path, { clock: this.#tools.clock, onChange }));
    }
    await Promise.all(this.#watches.map(({ ready }) => ready));
    // What changed since it was opened.
    onChange();
    await this.#reading;
  }

  close(): void {
    for (const watch of this.#watches) watch.close();
  }

  async #readAgain(take: (certificate: Certificate) => void): Promise<void> {
    try {
      const newer = await read(this.#files);
      if (newer.cert.equals(this.#current.cert) && newer.key.equals(this.#current.key)) return;
      take(newer);
      this.#current = newer;
      this.#announce(true, newer.subject);
    } catch (error) {
      this.#announce(false, messageOf(error));
    }
  }

  #announce(ok: boolean, detail: string): void {
    const { clock, announce } = this.#tools;
    announce('certificate', { at: clock.now(), ok, detail, expiresAt: this.#current.expiresAt });
  }
}

async function read(files: Pick<FrontTlsSettings, 'cert' | 'key'>): Promise<Read> {
  const [cert, key] = await Promise.all([readPem('tls.cert', files.cert), readPem('tls.key', files.key)]);
  const leaf = parsed('tls.cert', files.cert, () => new X509Certificate(cert));
  const secret = parsed('tls.key', files.key, () => createPrivateKey(key));
  if (!leaf.checkPrivateKey(secret)) {
    throw new WatchgateError(
      'CERTIFICATE_INVALID',
      `tls: the key in ${files.key} is not that of the certificate in ${files.cert}`,
    );
  }
  const subject = leaf.subjectAltName ?? leaf.subject.replaceAll('\n', ', ');
  return { cert, key, subject, expiresAt: Date.parse(leaf.validTo) };
}

async function readPem(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new WatchgateError('FILE_UNREADABLE', `${setting}: cannot read ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** What OpenSSL says of a bad file is no help to anyone, and might quote it. */
function parsed<T>(setting: string, path: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const wanted = setting === 'tls.key' ? 'private key without a passphrase' : 'certificate';
    throw new WatchgateError('CERTIFICATE_INVALID', `${setting}: ${path} holds no ${wanted} in PEM form`, {
      cause: error,
    });
  }
}
