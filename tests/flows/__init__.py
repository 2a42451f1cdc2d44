"""A package, so that package-scoped fixtures (stacks, RabbitMQ) end with the folder's last test."""
