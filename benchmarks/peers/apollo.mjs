// Apollo Server, as its documentation starts it. Prints its port.

import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import { context, resolvers, typeDefs } from './resolvers.mjs'

const server = new ApolloServer({ typeDefs, resolvers })
const { url } = await startStandaloneServer(server, {
  context: async () => context(),
  listen: { host: '127.0.0.1', port: 0 },
})
console.log(new URL(url).port)
