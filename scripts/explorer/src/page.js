// What the gateway wrote on the page: where its routes are, and in the demo a token. An empty path: it offers no such route.

export const element = document.getElementById('explorer');

const { graphqlPath, subscriptionPath, tokenPath, sandboxPath, examplesPath, token, scopes, errorCodes } = element.dataset;

export const page = {
  graphqlPath,
  subscriptionPath,
  tokenPath,
  sandboxPath,
  examplesPath,
  token,
  scopes: scopes.split(' ').filter(Boolean),
  errorCodes: JSON.parse(errorCodes),
  isDemo: Boolean(sandboxPath),
};
