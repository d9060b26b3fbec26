#include "store/strand.h"

#include <utility>

namespace dunlin::store {
namespace {
// So many tasks, then the worker is offered to others.
constexpr int kTasksPerTurn = 64;
}  // namespace

Strand::Strand(WorkerPool& workers) : queue_(std::make_shared<Queue>(workers)) {}

void Strand::run(Task task) {
  {
    const std::lock_guard lock(queue_->mutex);
    queue_->tasks.push_back(std::move(task));
    if (queue_->state == Queue::State::scheduled) return;
    queue_->state = Queue::State::scheduled;
  }
  queue_->workers.run([queue = queue_] { drain(queue); });
}

void Strand::drain(const std::shared_ptr<Queue>& queue) {
  for (int i = 0; i < kTasksPerTurn; ++i) {
    Task task;
    {
      const std::lock_guard lock(queue->mutex);
      if (queue->tasks.empty()) {
        queue->state = Queue::State::idle;
        return;
      }
      task = std::move(queue->tasks.front());
      queue->tasks.pop_front();
    }
    task();
  }
  queue->workers.run([queue] { drain(queue); });
}

}  // namespace dunlin::store
