// Uses the operators' page in a real browser (Debian's chromium) and tells what it saw as one JSON line.
//
// The argument is JSON: {"url", "password"} for basic authentication, {"url", "user"} for a log-in at the issuer;
// "screenshots": a folder to put pictures of the page into.
import { chromium } from 'playwright-core';
import { logIn } from './issuer-login.mjs';

const { url, user, password, screenshots } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] });
const httpCredentials = password === undefined ? undefined : { username: 'devops', password };
const context = await browser.newContext({ httpCredentials, viewport: { width: 1100, height: 900 } });
const page = await context.newPage();
const seen = { hosts: [], problems: [] };
// What the issuer's own pages load is not the console's doing.
const isOurs = () => page.url().startsWith(url);
page.on('request', (request) => {
  if (!isOurs()) return;
  const { host } = new URL(request.url());
  if (host !== '' && !seen.hosts.includes(host)) seen.hosts.push(host);
});
page.on('console', (message) => {
  if (message.type() === 'error' && isOurs()) seen.problems.push(message.text());
});
page.on('pageerror', (error) => seen.problems.push(String(error)));

async function picture(name, options = {}) {
  if (screenshots) await page.screenshot({ path: `${screenshots}/${name}.png`, ...options });
}

await page.goto(`${url}/console`);
if (user !== undefined) {
  await logIn(page, user);
}
await page.waitForFunction(() => document.querySelector('#overall').textContent === 'UP', { timeout: 30000 });
seen.address = page.url();

// Rates are differences, so that they come last.
await page.waitForFunction(() => Number(document.querySelector('#rates dd')?.textContent) > 0, { timeout: 60000 });
seen.rates = await page.$$eval('#rates dt', (names) => names.map((name) => [name.textContent, Number(name.nextElementSibling.textContent)]));
seen.issuers = await page.$$eval('#issuers tbody tr', (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));
// Whoever guesses on has to wait, but for the moment of each guess.
const waiting = await page.waitForFunction(() => {
  const rows = [...document.querySelectorAll('#limits tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent));
  return rows.some((row) => row[0] === 'failed operator' && row[3] !== '') ? rows : false;
}, { timeout: 60000 });
seen.limits = await waiting.jsonValue();

// By keyboard alone: the first stop is the skip link; then the form is filled and sent.
await page.keyboard.press('Tab');
seen.firstStop = await page.evaluate(() => document.activeElement.textContent);
await page.focus('#revoke input[name=value]');
await page.keyboard.type('acme:<img src=x onerror=alert(1)>');
await page.keyboard.press('Enter');
await page.waitForSelector('#revocations td:has-text("acme:<img")');
seen.injected = await page.evaluate(() => document.querySelectorAll('#revocations img').length);
await picture('operating-console-light', { fullPage: true });
await page.click('#revocations button');
await page.waitForFunction(() => document.querySelector('#revocations tbody').textContent === 'none');

await page.click('button[aria-label="Unblock nginx:bob"]');
await page.waitForFunction(() => !document.querySelector('#limits').textContent.includes('nginx:bob'));

await page.selectOption('select[aria-label="Level of org.eclipse.ditto"]', 'warn');
await page.waitForFunction(() => document.querySelector('#loggers').dataset.shown.includes('"level":"warn","logger":"org.eclipse.ditto"'));
seen.sessions = await page.textContent('#open');
await page.click('#sessions button');
await page.waitForFunction(() => document.querySelector('#open').textContent === '(0)');
seen.denials = await page.textContent('#denials tbody');

// Narrow and dark: nothing may stick out.
await page.emulateMedia({ colorScheme: 'dark' });
await page.setViewportSize({ width: 360, height: 740 });
seen.sticksOut = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
seen.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
await page.evaluate(() => document.querySelector('#h-rates').scrollIntoView());
await picture('operating-console-narrow-dark');
await browser.close();
process.stdout.write(`${JSON.stringify(seen)}\n`);
