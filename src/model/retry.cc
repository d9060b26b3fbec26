#include "model/retry.h"

#include <utility>

#include "base/log.h"

namespace dunlin::model {

Retry::Retry(Executor& executor, metrics::Registry& metrics, std::string_view service)
    : executor_(executor),
      room_("service/" + std::string(service)),
      tries_(metrics.counter("dunlin_" + std::string(service) + "_write_retries_total",
                             "Writes repeated after an error of the store")) {}

Retry::~Retry() {
  executor_.cancel(timer_);
}

void Retry::later(std::string_view what, std::string_view peer, const Error& why, Task task) {
  log::refusal(room_, std::string(what) + "; trying again", peer, {{"why", why.message}});
  later(std::move(task));
}

void Retry::later(Task task) {
  tries_.add();
  timer_ = executor_.schedule(kRetryInterval, std::move(task));
}

}  // namespace dunlin::model
