/** A list of orders by Apollo Client: docs/quickstart.md. `token` is what your users got as they logged in. */
import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { SetContextLink } from "@apollo/client/link/context";

declare const token: string;

declare module "@apollo/client" {
  namespace ApolloClient.DeclareDefaultOptions {
    interface Query { errorPolicy: "all" }
    interface WatchQuery { errorPolicy: "all" }
    interface Mutate { errorPolicy: "all" }
  }
}

const authorize = new SetContextLink(({ headers }) => ({ headers: { ...headers, authorization: `Bearer ${token}` } }));

export const client = new ApolloClient({
  link: authorize.concat(new HttpLink({ uri: "http://127.0.0.1:8000/graphql" })),
  cache: new InMemoryCache(),
  defaultOptions: { query: { errorPolicy: "all" }, watchQuery: { errorPolicy: "all" }, mutate: { errorPolicy: "all" } },
});

const ORDERS = gql`
  query Orders($community: ID!, $after: String) {
    orders(communityCode: $community, first: 20, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes { id number title amount { text } }
    }
  }
`;

const { data, error } = await client.query({ query: ORDERS, variables: { community: "10002" } });
if (CombinedGraphQLErrors.is(error)) console.log(error.errors.map(({ extensions }) => extensions?.messageZh));
