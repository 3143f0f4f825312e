// The operation as code of a client. Token and idempotency keys are placeholders: what is copied is often sent to others,
// and a key is its sender's own: another's write with it would be a second one.

const NEW_KEY = '‹a new key›'; // which the gateway refuses: keys are ASCII

function withoutKeys({ query, variables, operationName }) {
  const keys = [...query.matchAll(/idempotencyKey\s*:\s*\$(\w+)/g)].map(([, name]) => name).concat('idempotencyKey');
  return {
    query: query.replace(/(idempotencyKey\s*:\s*)"(?:[^"\\]|\\.)*"/g, `$1"${NEW_KEY}"`),
    variables: JSON.parse(JSON.stringify(variables), (name, value) => (value && keys.includes(name) ? NEW_KEY : value)),
    ...(operationName && { operationName }),
  };
}

const body = (request) => JSON.stringify(withoutKeys(request));

const inCode = (request) => JSON.stringify(withoutKeys(request), null, 2).replaceAll('\n', '\n  ');

const quote = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export const asCurl = (url, request) =>
  `# TOKEN=$(gateway token)
curl -s ${quote(url)} \\
  -H 'content-type: application/json' \\
  -H "authorization: Bearer $TOKEN" \\
  -d ${quote(body(request))}
`;

export const asFetch = (url, request) =>
  `const response = await fetch(${JSON.stringify(url)}, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: \`Bearer \${token}\` },
  body: JSON.stringify(${inCode(request)}),
});
const { data, errors } = await response.json();
`;

export const asWxRequest = (url, request) =>
  `wx.request({
  url: ${JSON.stringify(url)},
  method: 'POST',
  header: { 'content-type': 'application/json', authorization: \`Bearer \${token}\` },
  data: ${inCode(request)},
  success({ data: { data, errors } }) {},
  fail({ errMsg }) {},
});
`;
