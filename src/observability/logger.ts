import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import { openLogStream } from './log-stream.js';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerSettings {
  readonly level: LogLevel;
  /** Standard output when absent. Give the access log the same stream, so that lines never interleave. */
  readonly destination?: DestinationStream;
}

/** Names under which a secret could end up in a log line. */
const SECRETS = ['password', '*.password', 'token', '*.token', 'authorization', '*.authorization'];

/** A JSON-lines logger. Whoever opened `destination` closes it. */
export function createLogger({ level, destination = openLogStream() }: LoggerSettings): Logger {
  return pino({ ...lineFormat(level), redact: { paths: SECRETS, censor: '[hidden]' } }, destination);
}

/** Level names in words, and no `pid` and `hostname`: whatever collects the lines knows where they come from. */
export function lineFormat(level: LogLevel): LoggerOptions {
  return { level, base: null, formatters: { level: (label) => ({ level: label }) } };
}
