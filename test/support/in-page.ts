import type { Page } from 'playwright-core';

// What runs inside the page is text here: this project is checked without the types of a browser.

/** Notes in the page when an endpoint's row first says `state`; the function returned asks when that was, or null. */
export async function watchForState(
  page: Page,
  address: string,
  state: string,
): Promise<() => Promise<number | null>> {
  const [wanted, place] = [JSON.stringify([address, state]), JSON.stringify(`${address} ${state}`)];
  await page.evaluate(`{
    const [address, state] = ${wanted};
    const seen = (globalThis.seen ??= {});
    const says = (row) => row.querySelector('th')?.textContent === address && row.dataset.state === state;
    new MutationObserver(() => {
      if ([...document.querySelectorAll('tbody tr')].some(says)) seen[${place}] ??= Date.now();
    }).observe(document.body, { subtree: true, childList: true, attributes: true });
  }`);
  return () => page.evaluate<number | null>(`globalThis.seen[${place}] ?? null`);
}

/** How wide the page is, whatever the window shows of it. */
export function pageWidth(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth');
}

/** Whether a filter takes the colours from each such element. */
export function colourless(page: Page, selector: string): Promise<readonly boolean[]> {
  return page.evaluate<boolean[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})]
    .map((element) => getComputedStyle(element).filter === 'grayscale(1)')`);
}

/** By how many pixels the contents of each such element stick out of it, where an element is too small for them. */
export function excesses(page: Page, selector: string): Promise<readonly number[]> {
  return page.evaluate<number[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})]
    .map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)
    .filter((excess) => excess > 0)`);
}

export function runningAnimations(page: Page): Promise<number> {
  return page.evaluate<number>('document.getAnimations().length');
}

/** Tries to run a script of ours in the page; resolves to the directive of its policy that refused. */
export function injectScript(page: Page, text: string): Promise<string> {
  return page.evaluate<string>(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => resolve(event.violatedDirective));
    const script = document.createElement('script');
    try {
      script.text = ${JSON.stringify(text)};
      document.body.append(script);
    } catch {
      // Trusted Types refuse the assignment itself.
    }
  })`);
}

/** Scrolls down a bit in each of so many frames; how long each took, milliseconds, shortest first. */
export function scrollFrames(page: Page, frames: number): Promise<readonly number[]> {
  return page.evaluate<number[]>(`(async () => {
    const times = [];
    let last = performance.now();
    for (let frame = 0; frame < ${frames}; frame += 1) {
      scrollBy(0, 120);
      const now = await new Promise(requestAnimationFrame);
      times.push(now - last);
      last = now;
    }
    return times.sort((a, b) => a - b);
  })()`);
}

/** What axe finds wrong, one line each; only what keeps people out. */
export async function obstacles(page: Page, axe: string): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes[0].html))`);
}

/**
 * Counts how often a field is drawn from now on, whether or not that changes it: Preact compares its value each
 * time. The function returned asks how often it was.
 */
export async function countDrawings(page: Page, selector: string): Promise<() => Promise<number>> {
  await page.evaluate(`{
    const field = document.querySelector(${JSON.stringify(selector)});
    const { get, set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
    globalThis.drawings = 0;
    Object.defineProperty(field, 'value', {
      configurable: true,
      get() {
        globalThis.drawings += 1;
        return get.call(this);
      },
      set(value) {
        set.call(this, value);
      },
    });
  }`);
  return () => page.evaluate<number>('globalThis.drawings');
}
