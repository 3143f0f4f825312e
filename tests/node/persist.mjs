// Asks the address given with Apollo Client and with urql, each by automatic persisted queries: one query twice by POST,
// and another twice by GET. Prints one JSON object a line: the client, the data of both answers, and what it sent.

import { ApolloClient, HttpLink, InMemoryCache, gql as apolloGql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { Client, fetchExchange, gql } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createHash } from 'node:crypto';

const [url, token, byPost, byGet] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

const recording = () => {
  const sent = [];
  const record = async (address, options) => {
    const method = options.method ?? 'GET';
    const parameters = method === 'GET' ? new URL(address).searchParams : new Map(Object.entries(JSON.parse(options.body)));
    sent.push(`${method} ${parameters.get('query') ? 'text' : 'hash'}`);
    return fetch(address, options);
  };
  return { sent, fetch: record };
};

const apollo = async (query, useGETForHashedQueries) => {
  const { sent, fetch } = recording();
  const link = new PersistedQueryLink({ sha256, useGETForHashedQueries }).concat(new HttpLink({ uri: url, headers, fetch }));
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const ask = async () => (await client.query({ query: apolloGql(query), fetchPolicy: 'no-cache' })).data;
  return { client: 'Apollo Client', answers: [await ask(), await ask()], sent };
};

const urql = async (query, preferGetForPersistedQueries) => {
  const { sent, fetch } = recording();
  const exchanges = [persistedExchange({ preferGetForPersistedQueries, generateHash: async (text) => sha256(text) }), fetchExchange];
  const client = new Client({ url, exchanges, fetch, fetchOptions: { headers }, preferGetMethod: false });
  const ask = async () => (await client.query(gql(query), {}, { requestPolicy: 'network-only' }).toPromise()).data;
  return { client: 'urql', answers: [await ask(), await ask()], sent };
};

for (const ask of [apollo, urql]) {
  console.log(JSON.stringify(await ask(byPost, false)));
  console.log(JSON.stringify(await ask(byGet, true)));
}
