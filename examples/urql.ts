/** A list of orders by urql: docs/quickstart.md. `token` is what your users got as they logged in. */
import { Client, cacheExchange, fetchExchange, gql } from "@urql/core";

declare const token: string;

export const client = new Client({
  url: "http://127.0.0.1:8000/graphql",
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: () => ({ headers: { authorization: `Bearer ${token}` } }),
});

const Orders = gql`
  query Orders($community: ID!, $after: String) {
    orders(communityCode: $community, first: 20, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id number title amount { text } }
    }
  }
`;

const { data, error } = await client.query(Orders, { community: "10002" }).toPromise();
console.log(data?.orders?.totalCount, error?.graphQLErrors.map(({ extensions }) => extensions.messageZh));
