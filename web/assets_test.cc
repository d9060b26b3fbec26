#include "web/assets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace dunlin::web {
namespace {

const Asset* find(std::string_view path) {
  const auto all = assets();
  const auto at = std::ranges::lower_bound(all, path, {}, &Asset::path);
  return at != all.end() && at->path == path ? &*at : nullptr;
}

#ifdef DUNLIN_WEB_BUILT

TEST(WebAssets, TableIsSortedAndEveryFileHasItsForms) {
  ASSERT_FALSE(assets().empty());
  EXPECT_TRUE(std::ranges::is_sorted(assets(), {}, &Asset::path));
  for (const Asset& asset : assets()) {
    SCOPED_TRACE(asset.path);
    EXPECT_TRUE(asset.path.starts_with('/'));
    EXPECT_FALSE(asset.identity.empty());
    EXPECT_FALSE(asset.content_type.empty());
    EXPECT_TRUE(asset.etag.size() > 2 && asset.etag.front() == '"' && asset.etag.back() == '"');
    if (!asset.gzip.empty()) {
      EXPECT_LT(asset.gzip.size(), asset.identity.size());
      EXPECT_EQ(asset.gzip[0], 0x1f);
      EXPECT_EQ(asset.gzip[1], 0x8b);
    }
    EXPECT_TRUE(asset.brotli.empty() || asset.brotli.size() < asset.identity.size());
  }
}

TEST(WebAssets, PageRefersOnlyToFilesOfTheTable) {
  const Asset* page = find("/index.html");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  const std::string text{as_text(page->identity)};
  EXPECT_NE(text.find("<div id=\"app\">"), std::string::npos);
  int references = 0;
  for (const std::string_view start : {"src=\"", "href=\""}) {
    for (auto at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
      const auto begin = at + start.size();
      const std::string path = text.substr(begin, text.find('"', begin) - begin);
      EXPECT_NE(find(path), nullptr) << path;
      ++references;
    }
  }
  EXPECT_GE(references, 4);
}

#else

TEST(WebAssets, TableIsEmptyWithoutTheDashboard) {
  EXPECT_TRUE(assets().empty());
  EXPECT_EQ(find("/index.html"), nullptr);
}

#endif

}  // namespace
}  // namespace dunlin::web
