// What the conformance tests cannot see: when the inner repository is asked, and what is kept around a write.

#include "store/repository_cache.h"

#include <gtest/gtest.h>

#include "base/virtual_executor.h"
#include "store/limits.h"

namespace dunlin::store {
namespace {

/// Answers only when told to.
class SlowRepository final : public Repository {
 public:
  void get(Executor&, DocumentKind, std::uint32_t, std::string id,
           std::move_only_function<void(Result<std::optional<Document>>)> done) override {
    ++gets;
    const auto found = bodies.find(id);
    std::optional<Document> document;
    if (found != bodies.end()) document = Document{id, 1, found->second, {}};
    waiting.push_back(
        [document = std::move(document), done = std::move(done)]() mutable { done(std::move(document)); });
  }
  void find(Executor&, Query, std::move_only_function<void(Result<std::vector<Document>>)> done) override {
    done(std::vector<Document>{});
  }
  void write(Executor&, std::vector<Change> changes,
             std::move_only_function<void(Result<std::vector<std::uint64_t>>)> done) override {
    waiting.push_back([this, changes = std::move(changes), done = std::move(done)]() mutable {
      for (const Change& change : changes) bodies[change.document.id] = change.document.body;
      done(std::vector<std::uint64_t>(changes.size(), 1));
    });
  }
  void answer() {
    Task next = std::move(waiting.front());
    waiting.erase(waiting.begin());
    next();
  }
  std::map<std::string, std::string> bodies;
  std::vector<Task> waiting;
  int gets = 0;
};

class RepositoryCacheTest : public ::testing::Test {
 protected:
  RepositoryCacheTest() {
    auto slow = std::make_unique<SlowRepository>();
    inner_ = slow.get();
    cache_ = cache_repository(std::move(slow));
  }
  void ask(const std::string& id) {
    cache_->get(executor_, DocumentKind::thing, 1, id, [this](Result<std::optional<Document>> found) {
      told_ += found && *found ? (*found)->body + " " : "none ";
    });
    scheduler_.run_for(Duration{1});
  }
  std::string read(const std::string& id) {
    told_.clear();
    ask(id);
    if (!inner_->waiting.empty()) inner_->answer();
    return told_;
  }
  void begin_write(const std::string& id, const std::string& body) {
    std::vector<Change> changes(1);
    changes[0].document.id = id;
    changes[0].document.body = body;
    cache_->write(executor_, std::move(changes), [](const auto&) {});
  }

  VirtualClock clock_;
  VirtualScheduler scheduler_{clock_};
  VirtualExecutor executor_{scheduler_};
  SlowRepository* inner_ = nullptr;
  std::unique_ptr<Repository> cache_;
  std::string told_;
};

TEST_F(RepositoryCacheTest, AsksOnceForWhatIsThereAndForWhatIsNot) {
  inner_->bodies["a"] = "1";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(read("a"), "1 ");
    EXPECT_EQ(read("b"), "none ");
  }
  EXPECT_EQ(inner_->gets, 2);
}

TEST_F(RepositoryCacheTest, WhatIsReadWhileItIsWrittenIsNotKept) {
  inner_->bodies["a"] = "old";
  EXPECT_EQ(read("a"), "old ");
  begin_write("a", "new");
  ask("a");          // not the old one from memory
  inner_->answer();  // the write
  told_.clear();
  inner_->answer();  // a read that an inner repository without an order has answered with the old one
  EXPECT_EQ(told_, "old ");
  EXPECT_EQ(read("a"), "new ");
}

TEST_F(RepositoryCacheTest, AReadThatBeganBeforeAWriteOfAnythingIsNotKept) {
  inner_->bodies["a"] = "old";
  ask("a");
  begin_write("a", "new");
  std::swap(inner_->waiting[0], inner_->waiting[1]);
  inner_->answer();
  inner_->answer();
  EXPECT_EQ(read("a"), "new ");
}

TEST_F(RepositoryCacheTest, HoldsSoManyAndForgetsTheOneAskedForLongestAgo) {
  for (std::size_t i = 0; i <= kCachedDocuments; ++i) {
    read(std::to_string(i));
    if (i % 100 == 0) read("kept");
  }
  const int asked = inner_->gets;
  read("kept");
  read(std::to_string(kCachedDocuments));
  EXPECT_EQ(inner_->gets, asked);
  read("0");
  EXPECT_EQ(inner_->gets, asked + 1);
}

TEST_F(RepositoryCacheTest, LargeDocumentsAreNotKept) {
  inner_->bodies["large"] = std::string(kMaxCachedBytes + 1, 'x');
  read("large");
  read("large");
  EXPECT_EQ(inner_->gets, 2);
}

}  // namespace
}  // namespace dunlin::store
