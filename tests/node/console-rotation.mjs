// Uses the operators' page in a real browser while the issuer (provider.mjs) replaces its keys, and tells what it saw as one
// JSON line. The argument is JSON: {"url", "issuer", "user"}.
import { chromium } from 'playwright-core';
import { logIn } from './issuer-login.mjs';

const { url, issuer, user } = JSON.parse(process.argv[2]);
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--no-proxy-server'] });
const page = await browser.newPage();
let refused = [];
page.on('response', (response) => {
  if (response.url().startsWith(url) && response.status() >= 400) refused.push(response.status());
});

const isUp = () => page.waitForFunction(() => document.querySelector('#overall').textContent === 'UP', { timeout: 30000 });

// Something that only an operator whose token counts can do.
async function revoke(value) {
  await page.fill('#revoke input[name=value]', value);
  await page.press('#revoke input[name=value]', 'Enter');
  await page.waitForSelector(`#revocations td:has-text("${value}")`);
}

async function rotate(keep) {
  await fetch(`${issuer}/control/rotate`, { method: 'POST', body: JSON.stringify({ keep }) });
}

// Somebody else comes with a token of the issuer's newest key, so that the gateway fetches the keys.
async function anotherOperator() {
  const form = new URLSearchParams({
    grant_type: 'client_credentials', client_id: user, client_secret: `secret-of-${user}`, resource: 'urn:operators:RS256:600',
  });
  const { access_token: token } = await (await fetch(`${issuer}/token`, { method: 'POST', body: form })).json();
  const answer = await fetch(`${url}/devops/logging`, { headers: { authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(`another operator was refused with ${answer.status}`);
}

await page.goto(`${url}/console`);
await logIn(page, user);
await isUp();
await rotate(true);
await anotherOperator();
await revoke('acme:by-the-old-key');
const refusedBefore = refused;

await rotate(false);
await anotherOperator();
refused = [];
// The page is told nothing more, and asks for the log-in by itself.
await page.waitForSelector('#login', { state: 'visible', timeout: 30000 });
const refusedAfter = [...new Set(refused)];
await logIn(page, user);
await isUp();
await revoke('acme:by-the-new-key');
const revoked = (await page.locator('#revocations tbody tr').allTextContents())
  .flatMap((row) => ['acme:by-the-old-key', 'acme:by-the-new-key'].filter((value) => row.includes(value))).sort().reverse();
await browser.close();
process.stdout.write(`${JSON.stringify({ refusedBefore, refusedAfter, revoked })}\n`);
