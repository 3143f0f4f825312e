// Mercurius on Fastify, every operation compiled by graphql-jit once seen. Prints its port.
// With `--record` it keeps a record of what personal data it shows, as the gateway does.

import Fastify from 'fastify'
import mercurius from 'mercurius'
import { context, resolvers, typeDefs } from './resolvers.mjs'

const note = process.argv.includes('--record') ? (await import('./trail.mjs')).note : undefined
const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers, context: (request) => context(request.id, note), jit: 1 })
await app.listen({ host: '127.0.0.1', port: 0 })
console.log(app.server.address().port)
