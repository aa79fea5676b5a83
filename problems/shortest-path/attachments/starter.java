import java.io.*;

public class Main {
    static final StreamTokenizer in =
            new StreamTokenizer(new BufferedReader(new InputStreamReader(System.in)));

    static int next() throws IOException {
        in.nextToken();
        return (int) in.nval;
    }

    public static void main(String[] args) throws IOException {
        int n = next(), m = next();
        int[][] roads = new int[m][];
        for (int i = 0; i < m; i++) roads[i] = new int[] {next(), next(), next(), next()};

        // Find the least time from town 1 to town n; a road is {u, v, length, speed}.
        double hours = -1;

        System.out.println(hours < 0 ? "impossible" : String.valueOf(hours));
    }
}
