// Node's own spec reporter, with its closing lines as `# tests 12`, `# pass 12`, … as TAP has them:
// that is the form which CI tools look for in a log.
import { Readable } from 'node:stream';
import { spec as Spec } from 'node:test/reporters';

// biome-ignore lint/style/noDefaultExport: Node takes a reporter from the default export.
export default async function* closingLines(events) {
  for await (const text of Readable.from(events).pipe(new Spec())) {
    yield String(text).replaceAll(/^ℹ /gm, '# ');
  }
}
