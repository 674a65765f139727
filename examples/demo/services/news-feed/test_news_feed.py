"""Tests of news-feed."""

import unittest

import news_feed


class NewsFeedTest(unittest.TestCase):
    def test_good_and_bad_words_are_weighed(self) -> None:
        self.assertEqual(news_feed.score("Acme beats forecast, faces lawsuit, record growth"), 2)

    def test_a_neutral_headline_scores_nothing(self) -> None:
        self.assertEqual(news_feed.score("Acme opens an office"), 0)


if __name__ == "__main__":
    unittest.main()
