// Eclipse Ditto's own JavaScript client against a gateway: things, features and policies over HTTP, then everything of
// `ditto-sockets.mjs`.
//
// Usage: node ditto-client.mjs '{"domain":"127.0.0.1:8080","headers":{"Authorization":"Bearer …"},"namespace":"org.acme"}'
//
// Standard output carries one JSON line per step, {"step": …, "result": …}; the last step is "done". Any surprise is a
// stack trace on standard error and a non-zero exit.
import assert from 'node:assert/strict';
import ditto from '@eclipse-ditto/ditto-javascript-client-node';
import { useSockets } from './ditto-sockets.mjs';

const { domain, headers, namespace } = JSON.parse(process.argv[2]);
const { DittoNodeClient, Entries, Entry, Feature, Policy, Resource, Subject, SubjectId, Thing } = ditto;
const thingId = `${namespace}:lamp`;
const policyId = `${namespace}:lamp-policy`;

/** Sends the headers it is given: the client has no provider of its own for the subjects a proxy vouches for. */
const authentication = {
  authenticateWithUrl: (url) => url,
  authenticateWithHeaders: (all) => Object.entries(headers).reduce((map, [name, value]) => map.set(name, value), all),
};

function report(step, result) {
  process.stdout.write(`${JSON.stringify({ step, result })}\n`);
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}

function httpClient() {
  return DittoNodeClient.newHttpClient().withoutTls().withDomain(domain).withAuthProvider(authentication).build();
}

function everything(id, ...rights) {
  return new Resource(id, rights, []);
}

async function usePolicies(client, subject) {
  const policies = client.getPoliciesHandle();
  const owner = new Entry('owner', { [subject]: new Subject(SubjectId.fromString(subject), 'test') }, {
    'policy:/': everything('policy:/', 'READ', 'WRITE'),
    'thing:/': everything('thing:/', 'READ', 'WRITE'),
    'message:/': everything('message:/', 'READ', 'WRITE'),
  });
  const created = await policies.putPolicy(new Policy(policyId, { owner }));
  report('putPolicy', created.status);
  const guest = new Entry('guest', { 'nginx:guest': new Subject(SubjectId.fromString('nginx:guest'), 'test') }, {
    'thing:/attributes': everything('thing:/attributes', 'READ'),
  });
  report('putEntry', (await policies.putEntry(policyId, guest)).status);
  report('putSubject', (await policies.putSubject(policyId, 'guest', new Subject(SubjectId.fromString('nginx:second'), 'test'))).status);
  await policies.deleteSubject(policyId, 'guest', 'nginx:second');
  const read = await policies.getPolicy(policyId);
  report('getPolicy', Object.keys(read.entries));
  const resource = await policies.getResource(policyId, 'guest', 'thing:/attributes');
  report('getResource', resource.grant);
}

async function useThings(client) {
  const things = client.getThingsHandle();
  const lamp = new Thing(thingId, policyId, { site: { hall: 3 } }, { lamp: new Feature('lamp', ['org.acme:Lamp:1.0.0'], { on: false }) });
  report('putThing', (await things.putThing(lamp)).status);
  report('putThing again', (await things.putThing(lamp)).status);
  report('getThing', (await things.getThing(thingId)).toObject());
  report('putAttribute', (await things.putAttribute(thingId, 'site/row', 7)).status);
  report('getAttribute', await things.getAttribute(thingId, 'site/row'));
  await things.deleteAttribute(thingId, 'site/row');
  report('getThings', (await things.getThings([thingId, `${namespace}:missing`])).map((thing) => thing.thingId));
  report('missing thing', (await rejection(things.getThing(`${namespace}:missing`))).status ?? 'no status');
}

async function useFeatures(client) {
  const features = client.getFeaturesHandle(thingId);
  report('putFeature', (await features.putFeature(new Feature('meter', undefined, { watts: 1 }))).status);
  report('putProperty', (await features.putProperty('meter', 'watts', 4.5)).status);
  report('getProperty', await features.getProperty('meter', 'watts'));
  await features.deleteProperty('meter', 'watts');
  report('getFeatures', Object.keys(await features.getFeatures()));
}

async function whoAmI() {
  const response = await fetch(`http://${domain}/api/2/whoami`, { headers });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()).defaultSubject;
}

// The client rejects a promise of its own, which nobody can catch, whenever its socket closes for good.
process.on('unhandledRejection', (reason) => {
  if (reason !== 'Reconnect disabled') throw reason;
});

const http = httpClient();
await usePolicies(http, await whoAmI());
await useThings(http);
await useFeatures(http);
await useSockets({ library: ditto, Client: DittoNodeClient, domain, authentication, namespace, report }, http);
await http.getThingsHandle().deleteThing(thingId);
report('done', true);
