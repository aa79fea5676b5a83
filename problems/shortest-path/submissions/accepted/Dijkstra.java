import java.io.*;
import java.util.*;

public class Dijkstra {
    static final StreamTokenizer in =
            new StreamTokenizer(new BufferedReader(new InputStreamReader(System.in)));

    record Edge(int town, double hours) {}

    static int next() throws IOException {
        in.nextToken();
        return (int) in.nval;
    }

    public static void main(String[] args) throws IOException {
        int n = next(), m = next();
        List<List<Edge>> adjacent = new ArrayList<>();
        for (int i = 0; i <= n; i++) adjacent.add(new ArrayList<>());
        for (int i = 0; i < m; i++) {
            int u = next(), v = next();
            double hours = (double) next() / next();
            adjacent.get(u).add(new Edge(v, hours));
            adjacent.get(v).add(new Edge(u, hours));
        }
        double[] best = new double[n + 1];
        Arrays.fill(best, Double.POSITIVE_INFINITY);
        best[1] = 0;
        PriorityQueue<Edge> queue = new PriorityQueue<>(Comparator.comparingDouble(Edge::hours));
        queue.add(new Edge(1, 0));
        while (!queue.isEmpty()) {
            Edge at = queue.poll();
            if (at.hours() > best[at.town()]) continue;
            for (Edge edge : adjacent.get(at.town())) {
                double time = at.hours() + edge.hours();
                if (time < best[edge.town()]) {
                    best[edge.town()] = time;
                    queue.add(new Edge(edge.town(), time));
                }
            }
        }
        System.out.println(best[n] == Double.POSITIVE_INFINITY ? "impossible" : best[n]);
    }
}
