// Shows /openapi.json and sends requests to try. The token stays in its field, and text from outside is only ever set as
// text.

const by = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

const code = (text) => element('code', { textContent: text });

function table(names, rows) {
  const head = element('tr', {}, ...names.map((name) => element('th', { scope: 'col', textContent: name })));
  const body = rows.map((cells) => element('tr', {}, ...cells.map((cell) => element('td', {}, cell ?? ''))));
  return element('div', { className: 'wide' }, element('table', {}, element('thead', {}, head), element('tbody', {}, ...body)));
}

function section(title, ...children) {
  return [element('h3', { textContent: title }), ...children];
}

// `#/components/parameters/x` -> what lies there.
function follow(description, node) {
  if (node?.$ref === undefined) return node;
  return node.$ref.split('/').slice(1).reduce((at, key) => at[key], description);
}

function schemaLink(schema) {
  const name = schema?.$ref?.split('/').pop();
  if (name === undefined) return code(schema === undefined ? '' : JSON.stringify(schema));
  return element('a', { href: `#schema-${name}`, textContent: name });
}

function contents(content) {
  const cell = element('span');
  for (const [type, { schema }] of Object.entries(content ?? {})) {
    cell.append(element('div', {}, code(type), ' ', schemaLink(schema)));
  }
  return cell;
}

function parametersOf(description, item, operation) {
  const all = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((each) => follow(description, each));
  if (all.length === 0) return [];
  const places = new Map();
  for (const each of all) {
    const known = places.get(each.name);
    if (known === undefined) places.set(each.name, { ...each, places: [each.in] });
    else known.places.push(each.in);
  }
  const rows = [...places.values()].map((each) => [code(each.name), each.places.join(', '), each.description, schemaLink(each.schema)]);
  return section('Parameters', table(['Name', 'In', 'Meaning', 'Form'], rows));
}

function responsesOf(description, operation) {
  const rows = Object.entries(operation.responses).map(([status, response]) => {
    const known = follow(description, response);
    return [code(status), known.description, Object.keys(known.headers ?? {}).join(', '), contents(known.content)];
  });
  return section('Responses', table(['Status', 'Meaning', 'Header fields', 'Body'], rows));
}

function tryOut(method, path, operation) {
  const target = element('input', { value: path, spellcheck: false, autocomplete: 'off' });
  const type = Object.keys(operation.requestBody?.content ?? {})[0];
  const text = element('textarea', { spellcheck: false });
  const output = element('pre', { hidden: true });
  const form = element('form', {}, element('label', {}, 'Path and query', target));
  if (type !== undefined) form.append(element('label', {}, `Body, ${type}`, text));
  form.append(element('button', { type: 'submit', textContent: `Send ${method.toUpperCase()}` }), output);
  output.setAttribute('aria-live', 'polite');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    output.hidden = false;
    output.textContent = '…';
    const headers = {};
    if (by('token').value !== '') headers.authorization = `Bearer ${by('token').value}`;
    const options = { method: method.toUpperCase(), headers, cache: 'no-store' };
    if (type !== undefined && text.value !== '') {
      headers['content-type'] = type === '*/*' ? 'application/json' : type;
      options.body = text.value;
    }
    try {
      const response = await fetch(new URL(target.value, location.origin), options);
      const fields = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
      output.textContent = `${response.status} ${response.statusText}\n${fields}\n\n${await response.text()}`;
    } catch (error) {
      output.textContent = String(error);
    }
  });
  return section('Try', form);
}

function show(description, path, item, method) {
  const operation = item[method];
  const title = element('summary', {},
    element('span', { className: `method ${method}`, textContent: method }), code(path), ` ${operation.summary}`);
  const details = element('details', { id: operation.operationId }, title);
  details.dataset.text = `${method} ${path} ${operation.summary}`.toLowerCase();
  // Filled when it is opened: there are many.
  details.addEventListener('toggle', () => {
    if (!details.open || details.children.length > 1) return;
    if (operation.requestBody) details.append(...section('Body', contents(operation.requestBody.content)));
    details.append(
      ...parametersOf(description, item, operation),
      ...responsesOf(description, operation),
      ...tryOut(method, path, operation),
    );
  });
  return details;
}

const METHODS = ['get', 'head', 'put', 'post', 'patch', 'delete'];

function render(description) {
  for (const tag of description.tags) {
    const group = element('section', {}, element('h2', { textContent: tag.name }), element('p', { textContent: tag.description }));
    for (const [path, item] of Object.entries(description.paths)) {
      const methods = METHODS.filter((method) => item[method]?.tags[0] === tag.name);
      group.append(...methods.map((method) => show(description, path, item, method)));
    }
    by('operations').append(group);
  }
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    by('schemas').append(element('details', { id: `schema-${name}` },
      element('summary', {}, code(name)), element('pre', { textContent: JSON.stringify(schema, null, 2) })));
  }
}

function find() {
  const wanted = by('find').value.toLowerCase().split(/\s+/);
  for (const section of by('operations').children) {
    const operations = [...section.querySelectorAll('details')];
    for (const each of operations) each.hidden = !wanted.every((word) => each.dataset.text.includes(word));
    section.hidden = operations.every((each) => each.hidden);
  }
}

// A link to a schema or an operation opens it.
function openNamed() {
  const named = by(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) named.open = true;
  named?.scrollIntoView();
}

try {
  const response = await fetch('/openapi.json');
  if (!response.ok) throw new Error(`${response.status} for /openapi.json`);
  render(await response.json());
  by('find').addEventListener('input', find);
  window.addEventListener('hashchange', openNamed);
  openNamed();
} catch (error) {
  by('problem').textContent = String(error);
  by('problem').hidden = false;
}
