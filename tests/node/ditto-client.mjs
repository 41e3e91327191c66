// Eclipse Ditto's own JavaScript client against a gateway: things, features and policies over HTTP, then commands and a
// subscription over the WebSocket, then a device that answers messages and acknowledges events.
//
// Usage: node ditto-client.mjs '{"domain":"127.0.0.1:8080","headers":{"Authorization":"Bearer …"},"namespace":"org.acme"}'
//
// Standard output carries one JSON line per step, {"step": …, "result": …}; the last step is "done". Any surprise is a
// stack trace on standard error and a non-zero exit.
import assert from 'node:assert/strict';
import ditto from '@eclipse-ditto/ditto-javascript-client-node';

const { domain, headers, namespace } = JSON.parse(process.argv[2]);
const { DefaultMatchOptions, DittoNodeClient, Entries, Entry, Feature, Policy, Resource, Subject, SubjectId, Thing } = ditto;
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

/** The same, declaring acknowledgements in the handshake. */
function declaring(labels) {
  return { ...authentication, authenticateWithUrl: (url) => url.withParams([...url.queryParams, `declared-acks=${labels}`]) };
}

function webSocketClient(provider = authentication, channel = 'twinChannel') {
  let client;
  return new Promise((resolve) => {
    client = DittoNodeClient.newWebSocketClient()
      .withoutTls()
      .withDomain(domain)
      .withAuthProvider(provider)
      .withStateHandler({
        connected: () => setImmediate(() => resolve(client)),
        disconnected() {}, reconnecting() {}, buffering() {}, backPressure() {}, bufferFull() {},
      })
      .withReconnect(false)
      [channel]()
      .withoutBuffer()
      .build();
  });
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

async function useWebSocket(http) {
  const client = await webSocketClient();
  const events = client.getEventsHandle();
  await events.requestEvents();
  const arrival = new Promise((resolve) => events.subscribeToThing(thingId, resolve));
  await http.getThingsHandle().putAttribute(thingId, 'seen', true);
  const { action, path, value } = await arrival;
  report('event', { action, path, value });
  const things = client.getThingsHandle();
  report('putAttribute by socket', (await things.putAttribute(thingId, 'bySocket', [1, 2])).status);
  report('getAttribute by socket', await things.getAttribute(thingId, 'bySocket'));
  report('missing thing by socket', (await rejection(things.getThing(`${namespace}:missing`))).error);
  await events.stopEvents();
  client.close(1000, 'done');
}

/** Sends an answer to a signal: the client has no call for what carries a status, so it leaves on its own connection. */
function answer(handle, signal, more) {
  const headers = { 'correlation-id': signal.headers['correlation-id'], 'content-type': 'application/json' };
  handle.requester.resilienceHandler.send(JSON.stringify({ topic: signal.topic, path: signal.path, headers, ...more }));
}

async function useMessages(http) {
  const device = await webSocketClient(authentication, 'liveChannel');
  const messages = device.getMessagesHandle();
  await messages.requestMessages();
  messages.subscribeToThing(thingId, (message) => answer(messages, message, { status: 200, value: { heard: message.value } }));
  const { status, body } = await http.getMessagesHandle().messageToThing(thingId, 'ask', 'hey', 'application/json');
  report('message', { status, body });
  const asking = await webSocketClient(authentication, 'liveChannel');
  const bySocket = await asking.getMessagesHandle().messageToThing(thingId, 'ask', 'ho', 'text/plain');
  report('message by socket', bySocket.body);
  asking.close(1000, 'done');
  device.close(1000, 'done');
}

async function useAcknowledgements(http) {
  const archive = await webSocketClient(declaring('acme:seen'));
  const events = archive.getEventsHandle();
  await events.requestEvents();
  events.subscribeToThing(thingId, (event) => {
    for (const label of event.headers['requested-acks'] ?? []) {
      answer(events, event, { topic: `${namespace}/lamp/things/twin/acks/${label}`, path: '/', status: 204 });
    }
  });
  const options = DefaultMatchOptions.getInstance().addRequestParameter('requested-acks', 'acme:seen');
  report('acknowledged', (await http.getThingsHandle().putAttribute(thingId, 'acked', true, options)).status);
  archive.close(1000, 'done');
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
await useWebSocket(http);
await useMessages(http);
await useAcknowledgements(http);
await http.getThingsHandle().deleteThing(thingId);
report('done', true);
