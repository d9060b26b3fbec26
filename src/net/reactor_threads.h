#pragma once
// A set of reactors, each on a thread of its own.

#include <memory>
#include <thread>
#include <vector>

#include "net/reactor.h"

namespace dunlin::net {

/// Made with its reactors at rest, so that networks and services can be composed on them; start() runs them,
/// stop() ends them.
class ReactorThreads {
 public:
  explicit ReactorThreads(std::size_t count);
  ~ReactorThreads();
  ReactorThreads(const ReactorThreads&) = delete;
  ReactorThreads& operator=(const ReactorThreads&) = delete;

  /// The thread that made this.
  void start();
  /// Ends every loop and joins the threads. Idempotent.
  void stop();

  std::size_t size() const { return reactors_.size(); }
  Reactor& at(std::size_t index) { return *reactors_.at(index); }
  std::vector<Reactor*> all() const;

 private:
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::vector<std::thread> threads_;
};

}  // namespace dunlin::net
