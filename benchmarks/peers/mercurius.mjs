// Mercurius on Fastify, every operation compiled by graphql-jit once seen. Prints its port.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { context, resolvers, typeDefs } from './resolvers.mjs'

const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers, context, jit: 1 })
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(app.server.address().port)
