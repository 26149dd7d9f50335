import type { Locator, Page } from 'playwright-core';

/** The box on the page, as somebody uses it. */
export class ExplainBox {
  readonly page: Page;
  readonly answer: Locator;
  readonly verdict: Locator;
  readonly complaint: Locator;

  constructor(page: Page) {
    this.page = page;
    this.answer = page.getByRole('region', { name: 'Explain a request' }).locator('.answer');
    this.verdict = this.answer.getByRole('heading', { level: 3 });
    this.complaint = page.getByRole('region', { name: 'Explain a request' }).getByRole('alert');
  }

  async open(): Promise<void> {
    await this.page.getByRole('button', { name: 'Explain a request', exact: true }).click();
    await this.field('URL').waitFor();
  }

  field(label: string): Locator {
    return this.page.getByLabel(label, { exact: true });
  }

  async ask(fields: Readonly<Record<string, string>>): Promise<void> {
    for (const [label, text] of Object.entries(fields)) await this.field(label).fill(text);
    await this.page.getByRole('button', { name: 'Explain', exact: true }).click();
  }

  row(name: string): Locator {
    const header = this.page.getByRole('rowheader', { name, exact: true });
    return this.answer.getByRole('row').filter({ has: header });
  }
}
