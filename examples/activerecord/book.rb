# ruby book.rb SEAT CUSTOMER: books a seat and prints what came of it.
require 'active_record'

SEAT, CUSTOMER = ARGV

ActiveRecord::Base.establish_connection(url: ENV.fetch('DATABASE_URL'), application_name: CUSTOMER)

# The race is between the SELECT that validates and the INSERT. An index, as mended.sql makes it, knows better.
class Booking < ActiveRecord::Base
  validates :seat, uniqueness: true
end

begin
  Booking.create!(seat: SEAT, customer: CUSTOMER)
  puts "#{SEAT} is booked for #{CUSTOMER}"
rescue ActiveRecord::RecordInvalid
  puts "#{SEAT} is taken"
rescue ActiveRecord::RecordNotUnique
  puts "#{SEAT} is taken: somebody else was faster"
end
