#pragma once
// How much each sender may have under way at once, so that one does not take what is there for all.

#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace dunlin::blob {

/// One thread.
class Places {
 public:
  Places(std::size_t of_one, std::size_t of_all) : of_one_(of_one), of_all_(of_all) {}

  /// Null where `who` has as many as it may, or all have. The place is free again when the last copy has
  /// gone, also after this object.
  std::shared_ptr<const void> take(const std::string& who) {
    const auto known = taken_->by_name.find(who);
    if (taken_->all >= of_all_ || (known != taken_->by_name.end() && known->second >= of_one_))
      return nullptr;
    ++taken_->by_name[who];
    ++taken_->all;
    return std::make_shared<const Place>(taken_, who);
  }

 private:
  struct Taken {
    std::map<std::string, std::size_t> by_name;
    std::size_t all = 0;
  };
  struct Place {
    Place(std::shared_ptr<Taken> all, std::string name) : taken(std::move(all)), who(std::move(name)) {}
    ~Place() {
      --taken->all;
      const auto at = taken->by_name.find(who);
      if (--at->second == 0) taken->by_name.erase(at);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    const std::shared_ptr<Taken> taken;  // shared by all places
    const std::string who;
  };

  const std::size_t of_one_;
  const std::size_t of_all_;
  const std::shared_ptr<Taken> taken_ = std::make_shared<Taken>();
};

}  // namespace dunlin::blob
