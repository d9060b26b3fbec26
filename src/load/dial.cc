#include "load/dial.h"

namespace dunlin::load {

void dial(net::Network& network, Executor& executor, Rng& rng, const LoadOptions& options,
          net::ConnectHandler done) {
  transport::dial(network, executor, rng, {options.server, options.tls, {}, kDialDeadline}, std::move(done));
}

}  // namespace dunlin::load
