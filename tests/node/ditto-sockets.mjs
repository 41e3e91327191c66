// What Eclipse Ditto's own JavaScript client does over WebSockets, in Node.js and in a browser alike: commands and a
// subscription, a filter, a device that answers messages, acknowledgements asked for and given.
//
// `setting` holds the client's `library`, `Client` (its entry point), `domain`, `namespace`, the `authentication` of sockets and
// `report(step, result)`; `http` is the client for requests of the same caller.

/** A client of one channel, once it is connected. */
function connected({ Client, domain, authentication }, channel = 'twinChannel', provider = authentication) {
  let client;
  return new Promise((resolve) => {
    client = Client.newWebSocketClient()
      .withoutTls()
      .withDomain(domain)
      .withAuthProvider(provider)
      .withStateHandler({
        connected: () => setTimeout(() => resolve(client)),
        disconnected() {}, reconnecting() {}, buffering() {}, backPressure() {}, bufferFull() {},
      })
      .withReconnect(false)
      [channel]()
      .withoutBuffer()
      .build();
  });
}

/** The same caller, declaring acknowledgements in the handshake. */
function declaring(authentication, labels) {
  return {
    authenticateWithHeaders: (all) => authentication.authenticateWithHeaders(all),
    authenticateWithUrl: (url) => {
      const authenticated = authentication.authenticateWithUrl(url);
      return authenticated.withParams([...authenticated.queryParams, `declared-acks=${labels}`]);
    },
  };
}

/** Subscribes again with parameters: the client knows the message only without, but waits for the same confirmation. */
function narrow(events, parameters) {
  const connection = events.requester.resilienceHandler;
  return new Promise((resolve, reject) => {
    connection.protocolMessages.set('START-SEND-EVENTS', { resolve, reject });
    connection.send(`START-SEND-EVENTS?${new URLSearchParams(parameters)}`);
  });
}

/** Sends an answer to a signal: the client has no call for what carries a status, so it leaves on its own connection. */
function answer(handle, signal, more) {
  const headers = { 'correlation-id': signal.headers['correlation-id'], 'content-type': 'application/json' };
  handle.requester.resilienceHandler.send(JSON.stringify({ topic: signal.topic, path: signal.path, headers, ...more }));
}

async function rejection(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection');
}

async function useCommands(setting, http) {
  const { namespace, report } = setting;
  const thingId = `${namespace}:lamp`;
  const client = await connected(setting);
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

/** Of several changes, only those arrive that the filter lets through. */
async function useFilter(setting, http) {
  const { library, namespace, report } = setting;
  const thingId = `${namespace}:lamp`;
  const client = await connected(setting);
  const events = client.getEventsHandle();
  await events.requestEvents();
  const { And, Eq, Gt } = library;
  await narrow(events, { filter: And(Gt('attributes/level', 5), Eq('topic:action', 'modified')).toString(), namespaces: namespace });
  const levels = [];
  const last = new Promise((resolve) => {
    events.subscribeToAllEvents(({ value }) => {
      levels.push(value);
      if (value === 9) resolve();
    });
  });
  for (const level of [7, 3, 8, 4, 9]) await http.getThingsHandle().putAttribute(thingId, 'level', level);
  await last;
  // The first one was created, not modified.
  report('filtered', levels);
  client.close(1000, 'done');
}

async function useMessages(setting, http) {
  const { namespace, report } = setting;
  const thingId = `${namespace}:lamp`;
  const device = await connected(setting, 'liveChannel');
  const messages = device.getMessagesHandle();
  await messages.requestMessages();
  messages.subscribeToThing(thingId, (message) => answer(messages, message, { status: 200, value: { heard: message.value } }));
  const { status, body } = await http.getMessagesHandle().messageToThing(thingId, 'ask', 'hey', 'application/json');
  report('message', { status, body });
  const asking = await connected(setting, 'liveChannel');
  const bySocket = await asking.getMessagesHandle().messageToThing(thingId, 'ask', 'ho', 'text/plain');
  report('message by socket', bySocket.body);
  asking.close(1000, 'done');
  device.close(1000, 'done');
}

/** One session acknowledges what another one, and a request over HTTP, ask it to. */
async function useAcknowledgements(setting, http) {
  const { library, namespace, report, authentication } = setting;
  const thingId = `${namespace}:lamp`;
  const archive = await connected(setting, 'twinChannel', declaring(authentication, 'acme:seen'));
  const events = archive.getEventsHandle();
  await events.requestEvents();
  events.subscribeToThing(thingId, (event) => {
    for (const label of event.headers['requested-acks'] ?? []) {
      answer(events, event, { topic: `${namespace}/lamp/things/twin/acks/${label}`, path: '/', status: 204 });
    }
  });
  const { DefaultMatchOptions } = library;
  const byParameter = DefaultMatchOptions.getInstance().addRequestParameter('requested-acks', 'acme:seen');
  report('acknowledged', (await http.getThingsHandle().putAttribute(thingId, 'acked', true, byParameter)).status);
  const asking = await connected(setting);
  const byHeader = DefaultMatchOptions.getInstance().addHeader('requested-acks', 'acme:seen');
  report('acknowledged by socket', (await asking.getThingsHandle().putAttribute(thingId, 'acked', false, byHeader)).status);
  asking.close(1000, 'done');
  archive.close(1000, 'done');
}

/** Everything of the above, on the thing `lamp` of the namespace. */
export async function useSockets(setting, http) {
  await useCommands(setting, http);
  await useFilter(setting, http);
  await useMessages(setting, http);
  await useAcknowledgements(setting, http);
}
