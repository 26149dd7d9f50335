// One line for each test that did not run: its file, its name and the reason it gives.
import { relative } from 'node:path';

// biome-ignore lint/style/noDefaultExport: Node takes a reporter from the default export.
export default async function* skipped(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const mark = data.skip ?? data.todo;
    if (mark === undefined) continue;
    const where = data.file === undefined ? '' : `${relative(process.cwd(), data.file)}: `;
    const why = typeof mark === 'string' && mark !== '' ? ` (${mark})` : '';
    yield `${where}${data.name}${why}\n`;
  }
}
