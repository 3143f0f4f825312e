// The operation as code of a client. The token is a placeholder: what is copied is often sent to others.

const body = ({ query, variables, operationName }) =>
  JSON.stringify({ query, variables, ...(operationName && { operationName }) });

const inCode = ({ query, variables, operationName }) =>
  JSON.stringify({ query, variables, ...(operationName && { operationName }) }, null, 2).replaceAll('\n', '\n  ');

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
