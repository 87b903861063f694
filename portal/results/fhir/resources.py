"""The resources of a FHIR bundle, found by the references between them."""

from collections.abc import Iterator
from dataclasses import dataclass

from portal.results.fhir.members import Node


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, and the one whose `contained` it may refer to: itself or what contains it."""

    node: Node
    container: Node

    @property
    def kind(self) -> str:
        found = self.node.value.get("resourceType")
        return found if isinstance(found, str) else ""

    @property
    def place(self) -> str:
        return self.node.pointer


class Resources:
    """The resources of one document. A single resource is a document too."""

    def __init__(self, document: Node) -> None:
        self.all: list[Resource] = []
        self._by_reference: dict[str, Resource] = {}
        # By the place of what contains them, then by their ids.
        self._contained: dict[str, dict[str, Resource]] = {}
        if document.value.get("resourceType") == "Bundle":
            for entry in document.objects("entry"):
                self._add(entry.object("resource"), entry.text("fullUrl"))
        else:
            self._add(document, "")

    def _add(self, node: Node, url: str) -> None:
        if not node:
            return
        resource = Resource(node, node)
        self.all.append(resource)
        if url and self._by_reference.setdefault(url, resource) is not resource:
            node.problem("Send each fullUrl once: another entry of this bundle has the same.")
        identity = node.value.get("id")
        if isinstance(identity, str):
            self._by_reference.setdefault(f"{resource.kind}/{identity}", resource)
        if "://" in url:
            self._by_reference.setdefault("/".join(url.split("/")[-2:]), resource)
        for inside in self._of(node):
            identity = inside.value.get("id")
            if isinstance(identity, str):
                here = self._contained.setdefault(node.pointer, {})
                here.setdefault(identity, Resource(inside, node))

    @staticmethod
    def _of(node: Node) -> Iterator[Node]:
        # Those of resources that nobody reads may be as they like.
        if isinstance(node.at("contained").value, list):
            yield from node.objects("contained")

    def of_kind(self, kind: str) -> list[Resource]:
        return [resource for resource in self.all if resource.kind == kind]

    def contained_in(self, resource: Resource, kind: str) -> list[Resource]:
        here = self._contained.get(resource.container.pointer, {})
        return [inside for inside in here.values() if inside.kind == kind]

    def find(self, reference: Node, source: Resource, *kinds: str) -> Resource | None:
        """What a Reference of a resource points to, if it is here and of one of the kinds."""
        wanted = reference.text("reference")
        if wanted.startswith("#"):
            found = self._contained.get(source.container.pointer, {}).get(wanted[1:])
        else:
            found = self._by_reference.get(wanted.partition("/_history/")[0])
        return found if found and found.kind in kinds else None
