// The log-in of the operators' page at panva's `oidc-provider` (its development pages), from the page's own button on.
export async function logIn(page, user) {
  await page.click('#login');
  await page.fill('input[name=login]', user);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  // The issuer may ask for consent, or take it as given for a client of its own.
  await Promise.race([page.waitForURL('**/console*'), page.click('button[autofocus], form button[type=submit]:not([disabled])').catch(() => {})]);
}
