exports.up = async (knex) => {
  await knex.schema.createTable('seats', (table) => {
    table.text('seat').primary()
    table.text('booked_by')
  })
  await knex('seats').insert([1, 2, 3, 4].map((number) => ({ seat: `A-${number}` })))
}

exports.down = (knex) => knex.schema.dropTable('seats')
