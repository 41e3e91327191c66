// Uses the page at /docs in a real browser (Debian's chromium) and tells what it saw as one JSON line.
//
// The argument is JSON: {"url"}; "screenshots": a folder to put pictures of the page into.
import { chromium } from 'playwright-core';

const { url, screenshots } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] });
const page = await (await browser.newContext({ viewport: { width: 1100, height: 900 } })).newPage();
const seen = { hosts: [], problems: [] };
page.on('request', (request) => {
  const { host } = new URL(request.url());
  if (host !== '' && !seen.hosts.includes(host)) seen.hosts.push(host);
});
page.on('console', (message) => {
  if (message.type() === 'error') seen.problems.push(message.text());
});
page.on('pageerror', (error) => seen.problems.push(String(error)));

async function picture(name) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png` });
}

await page.goto(`${url}/docs`);
await page.waitForSelector('#schemas details');
seen.operations = await page.$$eval('#operations details', (all) => all.map((each) => each.id));

await page.fill('#find', 'put properties feature');
seen.found = await page.$$eval('#operations details:not([hidden])', (all) => all.map((each) => each.id));
await page.click('#putFeatureProperty summary');
await page.click('#putFeatureProperty a:has-text("Json")');
seen.schema = await page.$eval('#schema-Json', (schema) => schema.open);
await picture('docs-light');

await page.fill('#find', 'health');
await page.click('#getHealth summary');
await page.click('#getHealth button');
await page.waitForFunction(() => document.querySelector('#getHealth form pre').textContent.startsWith('200'));
seen.tried = await page.textContent('#getHealth form pre');

// Narrow and dark: nothing may stick out.
await page.fill('#find', '');
await page.emulateMedia({ colorScheme: 'dark' });
await page.setViewportSize({ width: 360, height: 740 });
seen.sticksOut = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
await picture('docs-narrow-dark');
await browser.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
